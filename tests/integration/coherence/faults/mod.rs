//! Servers and networks that fail, each in its own way: what an operator is told, and what no caller notices.

mod herd;
mod kinds;
mod outage;
