use axum::Json;
use gancho_service::endpoint::PRESETS;
use gancho_words::Words;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    api::page::{List, Query, WholeListQuery},
    auth::Reader,
};

/// A template to begin with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PresetView {
    name: &'static str,
    title: &'static str,
    template: String,
}

/// Templates to begin with, for services that take bodies of their own shape.
#[utoipa::path(get, path = "/template-presets", tag = "endpoints", params(WholeListQuery),
    responses((status = 200, body = List<PresetView>)))]
pub(crate) async fn list(_: Reader, _: Query<WholeListQuery>) -> Json<List<PresetView>> {
    let view = |preset: &gancho_service::endpoint::Preset| PresetView {
        name: preset.name,
        title: preset.title,
        template: preset.template(Words::english()),
    };
    Json(List::whole(PRESETS.iter().map(view).collect()))
}
