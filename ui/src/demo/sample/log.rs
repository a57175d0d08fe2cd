//! A sample log in memory.

use std::ops::Range;

use crate::log::{
    Details, Level, LineCounts, LineHead, LineKind, LogLine, LogSource, Noise, SERVER,
};

/// A line of the sample log.
#[derive(Clone, Debug)]
struct SampleLine {
    time: String,
    level: Level,
    component: String,
    text: String,
    fields: String,
    kind: LineKind,
    unit: u16,
    continues: bool,
    noise: Option<Noise>,
    names_workflow: bool,
}

/// A sample log in memory.
#[derive(Clone, Debug)]
pub struct SampleLog {
    lines: Vec<SampleLine>,
    components: Vec<String>,
    dropped: u64,
    units: Vec<(u16, String)>,
}

impl Default for SampleLog {
    /// The empty log of a server without workers.
    fn default() -> Self {
        let units = vec![(SERVER, "server".to_owned())];
        Self { lines: Vec::new(), components: Vec::new(), dropped: 0, units }
    }
}

impl LogSource for SampleLog {
    fn len(&self) -> usize {
        self.lines.len()
    }

    fn line(&self, index: usize) -> Option<LogLine<'_>> {
        self.lines.get(index).map(|it| LogLine {
            time: &it.time,
            level: it.level,
            component: &it.component,
            text: &it.text,
            fields: &it.fields,
            kind: it.kind,
            unit: it.unit,
            continues: it.continues,
        })
    }

    fn dropped(&self) -> u64 {
        self.dropped
    }

    fn head(&self, index: usize) -> Option<LineHead> {
        self.lines.get(index).map(|it| LineHead {
            level: it.level,
            unit: it.unit,
            continues: it.continues,
            component: self.components.iter().position(|name| *name == it.component).unwrap_or(0)
                as u16,
            kind: it.kind,
            noise: it.noise,
            names_workflow: it.names_workflow,
        })
    }

    fn component(&self, id: u16) -> &str {
        self.components.get(usize::from(id)).map_or("", String::as_str)
    }

    fn details(&self, index: usize) -> Option<Details> {
        let it = self.lines.get(index)?;
        if it.kind != LineKind::Structured {
            return Some(Details { raw: it.text.clone(), ..Details::default() });
        }
        let fields = it.fields.split_whitespace().filter_map(|field| field.split_once('='));
        Some(Details {
            fields: fields.map(|(key, value)| (key.into(), value.into())).collect(),
            raw: format!(
                "{{\"time\":\"2026-11-22T{}Z\",\"level\":\"{}\",\"msg\":\"{}\",\"service\":\"{}\"}}",
                it.time,
                it.level.word().trim(),
                it.text,
                it.component
            ),
        })
    }

    /// Searches for plain text, case-insensitive. Ignores `\b`. An unclosed `(` is an error.
    fn find(&self, pattern: &str, numbers: Range<u64>) -> Result<Vec<u64>, String> {
        if pattern.contains('(') && !pattern.contains(')') {
            return Err("unclosed group".into());
        }
        let skipped = numbers.start.saturating_sub(self.dropped) as usize;
        let lines =
            (numbers.start.max(self.dropped)..).zip(self.lines.get(skipped..).unwrap_or(&[]));
        let lines = lines.take_while(|(number, _)| *number < numbers.end);
        let pattern = pattern.to_lowercase().replace(r"\b", "");
        let found = lines.filter(|(_, it)| {
            let text = format!("{} {} {}", it.component, it.text, it.fields);
            text.to_lowercase().contains(&pattern)
        });
        Ok(found.map(|(number, _)| number).collect())
    }

    fn units(&self) -> &[(u16, String)] {
        &self.units
    }

    fn counts(&self, unit: u16) -> LineCounts {
        let own = self.lines.iter().filter(|it| it.unit == unit);
        let is_error =
            |it: &&SampleLine| it.level == Level::Error && !it.continues && it.noise.is_none();
        let errors = own.clone().filter(is_error).count() as u64;
        LineCounts { lines: own.count() as u64, errors }
    }

    fn spans(&self, pattern: &str, text: &str) -> Vec<Range<usize>> {
        if pattern.is_empty() || !text.is_ascii() {
            return Vec::new();
        }
        let (text, pattern) = (text.to_lowercase(), pattern.to_lowercase());
        text.match_indices(&pattern).map(|(at, it)| at..at + it.len()).collect()
    }
}

impl SampleLog {
    /// Adds a worker, whose lines follow.
    pub fn push_worker(&mut self, name: &str) -> u16 {
        let number = self.units.len() as u16;
        self.units.push((number, name.into()));
        number
    }

    /// Adds a line of a worker with a level.
    pub fn push_of(&mut self, unit: u16, time: &str, level: Level, text: &str, fields: &str) {
        self.push(time, level, "", text, fields);
        if let Some(line) = self.lines.last_mut() {
            (line.unit, line.names_workflow) = (unit, false);
        }
    }

    /// Adds a line of a worker without a level. `continues`: it belongs to the line before it.
    pub fn push_raw_of(&mut self, unit: u16, text: &str, continues: bool) {
        let level = self.lines.last().filter(|_| continues).map_or(Level::Info, |line| line.level);
        self.push_raw(text);
        if let Some(line) = self.lines.last_mut() {
            (line.unit, line.continues, line.level) = (unit, continues, level);
        }
    }

    /// Adds the mark of a generation of a worker.
    pub fn push_mark_of(&mut self, unit: u16, text: &str) {
        self.push_mark(text);
        if let Some(line) = self.lines.last_mut() {
            line.unit = unit;
        }
    }

    /// Adds the worker `orders` in Python, with its lines.
    #[must_use]
    pub fn with_orders(mut self) -> Self {
        let orders = self.push_worker("orders");
        let text = "worker started";
        self.push_of(orders, "21:28:04.358", Level::Info, text, "queue=orders workflows=5");
        let text = "Completing activity as failed";
        self.push_of(orders, "21:28:05.690", Level::Warn, text, "call_bank attempt=8");
        for text in [
            "Traceback (most recent call last):",
            "  File \"/src/worker.py\", line 13, in call_bank",
            "BankUnavailable: bank API answered 503 Service Unavailable",
        ] {
            self.push_raw_of(orders, text, true);
        }
        self
    }

    /// Returns a log of `n` lines that do not fold and whose texts contain their numbers.
    #[must_use]
    pub fn numbered(n: u64) -> Self {
        let mut log = Self::default();
        log.push_numbered(n);
        log
    }

    /// Adds `n` numbered lines.
    pub fn push_numbered(&mut self, n: u64) {
        for _ in 0..n {
            let text = format!("line {}", self.total());
            self.push("21:04:11.000", Level::Info, "history", &text, "");
            if let Some(line) = self.lines.last_mut() {
                line.names_workflow = true;
            }
        }
    }

    /// Evicts the oldest `n` lines.
    pub fn evict(&mut self, n: usize) {
        let n = n.min(self.lines.len());
        self.lines.drain(..n);
        self.dropped += n as u64;
    }

    /// Adds `n` routine lines of the server.
    pub fn push_noise(&mut self, noise: Noise, n: u64) {
        self.push_noise_of(SERVER, noise, n);
    }

    /// Adds `n` routine lines.
    pub fn push_noise_of(&mut self, unit: u16, noise: Noise, n: u64) {
        // Without their neighbours, some of them are warnings.
        let level = match noise {
            Noise::StartUp | Noise::Shutdown => Level::Info,
            Noise::Adjacent | Noise::AdjacentToShutdown | Noise::NoServer => Level::Warn,
        };
        for _ in 0..n {
            let text = format!("noise {}", self.total());
            self.push("21:04:11.000", level, "history", &text, "");
            if let Some(line) = self.lines.last_mut() {
                (line.unit, line.noise) = (unit, Some(noise));
            }
        }
    }

    /// Adds the routine lines of a start.
    fn push_start_up(&mut self, second: &str) {
        let texts = ["Quota changed", "Created gRPC listener", "fifo scheduler started"];
        for (i, text) in texts.into_iter().cycle().take(41).enumerate() {
            let component = ["history", "matching", "frontend", "worker"][i % 4];
            self.push(&format!("{second}.{:03}", 200 + 7 * i), Level::Info, component, text, "");
            if let Some(line) = self.lines.last_mut() {
                line.noise = Some(Noise::StartUp);
            }
        }
    }

    /// Adds a structured line.
    pub fn push(&mut self, time: &str, level: Level, component: &str, text: &str, fields: &str) {
        self.push_kind(LineKind::Structured, time, level, component, text, fields);
    }

    /// Adds a line that was not parsed.
    pub fn push_raw(&mut self, text: &str) {
        self.push_kind(LineKind::Raw, "", Level::Info, "", text, "");
    }

    /// Adds a mark between two generations.
    pub fn push_mark(&mut self, text: &str) {
        self.push_kind(LineKind::GenerationMark, "", Level::Info, "", text, "");
    }

    fn push_kind(
        &mut self,
        kind: LineKind,
        time: &str,
        level: Level,
        component: &str,
        text: &str,
        fields: &str,
    ) {
        if !self.components.iter().any(|name| name == component) {
            self.components.push(component.into());
        }
        self.lines.push(SampleLine {
            noise: None,
            names_workflow: fields.contains("workflow="),
            time: time.into(),
            level,
            component: component.into(),
            text: text.into(),
            fields: fields.into(),
            kind,
            unit: SERVER,
            continues: false,
        });
    }

    /// Returns a log of a start, some work, a crash and a new start.
    #[must_use]
    pub fn temporal() -> Self {
        let mut log = Self::default();
        log.push_mark("generation 2");
        log.push_start_up("21:04:11");
        log.push(
            "21:05:40.018",
            Level::Info,
            "frontend",
            "Started Worker",
            "Namespace=default TaskQueue=billing WorkerID=4711@box",
        );
        log.push(
            "21:12:07.733",
            Level::Debug,
            "matching",
            "Task queue manager unloaded",
            "queue=billing-7",
        );
        log.push(
            "21:13:55.102",
            Level::Warn,
            "history",
            "Critical attempts processing workflow task",
            "workflow=order-7731 attempt=12",
        );
        log.push(
            "21:16:39.418",
            Level::Info,
            "history",
            "Get dynamic config",
            "name=history.shardUpdateMinInterval value=5m0s",
        );
        log.push_mark("generation 3");
        log.push_start_up("21:16:39");
        log.push(
            "21:16:39.551",
            Level::Info,
            "frontend",
            "Started Worker",
            "Namespace=default TaskQueue=billing WorkerID=4711@box",
        );
        log.push(
            "21:16:41.020",
            Level::Error,
            "history",
            "Operation failed with internal error.",
            "error=\"no such table: executions\" operation=GetWorkflowExecution",
        );
        for i in 0..8 {
            let time = format!("21:1{}:0{}.{:03}", 7 + i / 4, i, 97 * (i + 1));
            log.push(
                &time,
                Level::Info,
                ["frontend", "matching", "worker"][i % 3],
                "Workflow task completed",
                &format!("workflow=order-{} attempt=1", 7_700 + i),
            );
        }
        log.push(
            "21:28:02.611",
            Level::Info,
            "frontend",
            "注文 received — naïve café ✓",
            "locale=ja_JP",
        );
        log.push(
            "21:28:03.004",
            Level::Warn,
            "matching",
            "Task queue \"billing\" has no poller, backlog grows",
            "backlog=2 age=31s",
        );
        log
    }

    /// Returns a log of a server with workflows in trouble.
    #[must_use]
    pub fn work() -> Self {
        let mut log = Self::default();
        log.push_mark("generation 3");
        log.push_start_up("21:16:39");
        let lines = [
            (
                "21:26:58.310",
                Level::Info,
                "history",
                "Workflow task completed",
                "workflow=checkout-0311",
            ),
            (
                "21:27:38.114",
                Level::Info,
                "history",
                "Non-Deterministic Error",
                "workflow=drift-11",
            ),
            (
                "21:27:38.115",
                Level::Warn,
                "history",
                "workflow task failed",
                "workflow=drift-11 attempt=1 cause=NonDeterministicError",
            ),
            (
                "21:27:49.690",
                Level::Warn,
                "history",
                "Critical attempts processing workflow task",
                "workflow=unknown-14 attempt=12",
            ),
        ];
        for (time, level, component, text, fields) in lines {
            log.push(time, level, component, text, fields);
        }
        for second in 50..57 {
            let time = format!("21:27:{second}.020");
            log.push(&time, Level::Info, "matching", "Task queue partition loaded", "");
        }
        let text = "Task queue has tasks and no poller";
        log.push("21:28:01.004", Level::Warn, "matching", text, "queue=billing backlog=2");
        log
    }
}
