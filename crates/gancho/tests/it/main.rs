//! Against the real binary, from outside.

mod access;
mod backup;
mod bad_input;
mod bins;
mod clock;
mod command_line;
mod consumer_samples;
mod consumers;
mod crash;
mod data_dir;
mod dead_address;
mod delivering;
mod demo;
mod docs_commands;
mod docs_nginx;
mod docs_plugin;
mod docs_samples;
mod docs_sql;
mod docs_tables;
mod documents;
mod egress;
mod erp_alone;
mod erp_alone_events;
mod erp_alone_growth;
mod erp_alone_manage;
mod erp_api;
mod erp_api_lies;
mod erp_copies;
mod erp_database;
mod erp_install;
mod erp_odd;
mod erp_origin;
mod erp_outbox;
mod erp_pages;
mod erp_paused;
mod erp_plugin;
mod erp_plugin_models;
mod erp_plugin_trouble;
mod erp_tables;
mod erp_transactions;
mod erp_types;
mod feed;
mod flush;
mod full_disk;
mod hanging;
mod hooks;
mod hostile;
mod imports;
mod include;
mod kits;
mod leniency;
mod listening;
mod logs;
mod many_endpoints;
mod migrate;
mod nodes;
mod openapi;
mod outage;
mod packaging;
mod personal_data;
mod postgres;
mod proxies;
mod repair;
mod repeats;
mod rooms;
mod rules;
mod send_now;
mod settings;
mod shortage;
mod spine;
#[cfg(feature = "failpoints")]
mod supervised;
mod terminal;
mod tidy;
mod tls;
mod upgrade;
mod watching;
mod words;

use gancho_testkit::{Server, ServerOptions};

const BINARY: &str = env!("CARGO_BIN_EXE_gancho");

async fn server() -> Server {
    Server::start(BINARY, ServerOptions::default()).await
}
