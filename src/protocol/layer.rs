//! The six checks of the server.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Index, IndexMut};

/// A layer of the server. Each of the six checks tests one layer. The variants are in the order of
/// the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// The lock file of the server is locked.
    Lock,
    /// The leader (the first process of the server) is alive, and a process of the server has the
    /// listening socket.
    Process,
    /// The port accepts connections.
    Tcp,
    /// The health service reports SERVING.
    Grpc,
    /// The database responds, and the server uses the file at the configured path.
    Store,
    /// The history and matching services respond.
    Engine,
}

/// One value for each layer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PerLayer<T>([T; Layer::ALL.len()]);

impl<T> PerLayer<T> {
    /// Creates the values. Calls `value` once for each layer.
    pub fn from_fn(value: impl FnMut(Layer) -> T) -> Self {
        Self(Layer::ALL.map(value))
    }

    /// The values with their layers, in the order of the checks.
    pub fn iter(&self) -> impl Iterator<Item = (Layer, &T)> {
        Layer::ALL.into_iter().zip(&self.0)
    }

    /// The mutable values with their layers, in the order of the checks.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (Layer, &mut T)> {
        Layer::ALL.into_iter().zip(&mut self.0)
    }
}

impl<T> Index<Layer> for PerLayer<T> {
    type Output = T;

    fn index(&self, layer: Layer) -> &T {
        &self.0[layer as usize]
    }
}

impl<T> IndexMut<Layer> for PerLayer<T> {
    fn index_mut(&mut self, layer: Layer) -> &mut T {
        &mut self.0[layer as usize]
    }
}

impl Layer {
    /// All six layers, in the order of the checks.
    pub const ALL: [Self; 6] =
        [Self::Lock, Self::Process, Self::Tcp, Self::Grpc, Self::Store, Self::Engine];

    /// The name of this layer in JSON and on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Process => "process",
            Self::Tcp => "tcp",
            Self::Grpc => "grpc",
            Self::Store => "store",
            Self::Engine => "engine",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
