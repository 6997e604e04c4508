use std::sync::Arc;

use axum::{Json, extract::State};
use gancho_model::DataSubject;
use gancho_service::{input::Whole, personal_data::PersonalDataInput};

use super::view::PersonalCopyView;
use crate::{
    App,
    api::{
        body::Body,
        page::{List, Query},
        problem::Answer,
    },
    auth::Admin,
};

gancho_service::input! {
    /// Where to go on.
    pub struct PersonalDataQuery {
        /// The `next` of the page before.
        pub after: Option<Whole<{ i64::MIN }, { i64::MAX }>>,
    }
}

/// The data about one customer, oldest first: each event with its deliveries, receivers and their responses. A page
/// scans some hundreds of events, so it may be empty although there is a `next`. By POST, so that no code or tax number
/// appears in a URL.
#[utoipa::path(post, path = "/personal-data/export", tag = "personal data", params(PersonalDataQuery),
    request_body = PersonalDataInput, responses((status = 200, body = List<PersonalCopyView>)))]
pub(crate) async fn export(
    State(app): State<Arc<App>>,
    Admin(caller): Admin,
    Query(query): Query<PersonalDataQuery>,
    Body(input): Body<PersonalDataInput>,
) -> Answer<Json<List<PersonalCopyView>>> {
    let subject: DataSubject = input.into();
    // From the beginning; the events outside the feed have numbers below zero.
    if query.after.as_ref().is_none_or(|after| after.0 <= 0) {
        app.services.note_personal_data_export(&subject, &app.who(caller).await).await;
    }
    let page = app.services.personal_copies(&Arc::new(subject), query.after.map(|after| after.0)).await?;
    let data = page.items.into_iter().map(PersonalCopyView::new).collect();
    Ok(Json(List { data, next: page.next.map(|next| next.to_string()) }))
}
