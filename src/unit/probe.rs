//! The loop that runs the health checks of a unit in rounds.

use crate::supervisor::{LATE, Round};
use std::time::Duration;
use tokio::time::Instant;

/// The health checks of a unit. [`run`] calls them in rounds.
pub(crate) trait Probe: Send {
    /// The measurements of a round, in addition to its result.
    type Report: Send;

    /// Runs all checks of one round.
    fn round(&mut self) -> impl Future<Output = (Round, Self::Report)> + Send;

    /// The longest time that the checks of one round may take together.
    fn patience(&self) -> Duration;

    /// Time from the start of one round to the start of the next, until a round has passed for the
    /// first time.
    fn starting_period(&self) -> Duration;
}

/// Runs rounds of checks and passes each result to `send`. Ends when `send` returns false, which
/// means that the receiver of the results has ended. After the first passed round, `period` is the
/// time from the start of one round to the start of the next.
///
/// If this host was delayed and the round failed, the result is [`Round::Void`], because the delay
/// may be the reason for the failure. A passed round is valid even if it is late.
pub(crate) async fn run<P: Probe>(
    mut probe: P,
    period: Duration,
    send: impl Fn(Round, P::Report) -> bool,
) {
    let mut has_passed = false;
    let mut due = Instant::now();
    loop {
        let begun = Instant::now();
        let is_late = begun.saturating_duration_since(due) > LATE;
        let (round, report) = probe.round().await;
        has_passed |= round == Round::Pass;
        let is_overdue = begun.elapsed() > probe.patience() + LATE;
        let is_void = round != Round::Pass && (is_late || is_overdue);
        if !send(if is_void { Round::Void } else { round }, report) {
            return;
        }
        due = (due + if has_passed { period } else { probe.starting_period() }).max(Instant::now());
        tokio::time::sleep_until(due).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::supervisor::{Check, RestartHelps};
    use std::sync::Mutex;

    /// A fake probe whose rounds have these durations and results. The last element is the first
    /// round.
    struct Rounds(Vec<(Duration, Round)>);

    impl Probe for Rounds {
        type Report = ();

        async fn round(&mut self) -> (Round, ()) {
            let (duration, round) = self.0.pop().expect("no more rounds are run");
            tokio::time::sleep(duration).await;
            (round, ())
        }

        fn patience(&self) -> Duration {
            Duration::from_secs(4)
        }

        fn starting_period(&self) -> Duration {
            Duration::from_millis(10)
        }
    }

    fn failed() -> Round {
        let check = Check { name: "answer", shows_end: false };
        let detail = "no".to_owned();
        Round::Fail { check, detail, restart_helps: RestartHelps::Yes }
    }

    /// Runs these rounds. Returns each result with the time from the start of the test to that
    /// result.
    async fn results(rounds: Vec<(Duration, Round)>) -> Vec<(Duration, Round)> {
        let (count, begun) = (rounds.len(), Instant::now());
        let results = Mutex::new(Vec::new());
        let send = |round, ()| {
            let mut results = results.lock().unwrap();
            results.push((begun.elapsed(), round));
            results.len() < count
        };
        run(Rounds(rounds.into_iter().rev().collect()), Duration::from_secs(1), send).await;
        results.into_inner().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn failure_of_a_round_that_the_host_delayed_is_void_and_a_pass_is_not() {
        let (quick, delayed) = (Duration::ZERO, Duration::from_secs(5));
        let rounds =
            vec![(quick, failed()), (delayed, failed()), (delayed, Round::Pass), (quick, failed())];
        let found: Vec<Round> = results(rounds).await.into_iter().map(|it| it.1).collect();
        assert_eq!(found, [failed(), Round::Void, Round::Pass, failed()]);
    }

    #[tokio::test(start_paused = true)]
    async fn rounds_are_frequent_until_one_passes() {
        let rounds = [failed(), Round::Pass, failed(), Round::Pass];
        let found = results(rounds.into_iter().map(|it| (Duration::ZERO, it)).collect()).await;
        let seconds: Vec<u64> = found.iter().map(|it| it.0.as_secs()).collect();
        assert_eq!(seconds, [0, 0, 1, 2]);
    }
}
