//! The project itself: its documents, its sources, what it is made of, and its tools.

mod advisories;
mod asvs;
mod behind;
mod behind_proxies;
mod compare;
mod corpus;
mod dependencies;
mod differential;
mod documents;
mod floors;
mod openapi;
mod pages;
mod reference;
mod scanners;
mod setup;
mod shipped;
mod snippets;
mod start_elsewhere;
mod start_pages;
