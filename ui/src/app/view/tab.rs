//! The tabs.

/// Tab of the screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tab {
    #[default]
    Overview,
    Workflows,
    Workers,
    Logs,
    Server,
}

impl Tab {
    pub(crate) const ALL: [Self; 5] =
        [Self::Overview, Self::Workflows, Self::Workers, Self::Logs, Self::Server];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Workflows => "Workflows",
            Self::Workers => "Workers",
            Self::Logs => "Logs",
            Self::Server => "Server",
        }
    }

    /// Returns the key that opens the tab.
    pub(crate) fn digit(self) -> char {
        match self {
            Self::Overview => '1',
            Self::Workflows => '2',
            Self::Workers => '3',
            Self::Logs => '4',
            Self::Server => '5',
        }
    }

    pub(crate) fn next(self) -> Self {
        match self {
            Self::Overview => Self::Workflows,
            Self::Workflows => Self::Workers,
            Self::Workers => Self::Logs,
            Self::Logs => Self::Server,
            Self::Server => Self::Overview,
        }
    }

    pub(crate) fn previous(self) -> Self {
        self.next().next().next().next()
    }
}
