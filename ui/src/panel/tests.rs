//! Each panel by itself: how it looks, which colours it has, and that no colour is its only sign.

mod inks;
mod pages;
mod panels;
mod pictures;
mod signs;
mod stage;
