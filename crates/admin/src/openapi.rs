//! The description of the API for machines: `OpenAPI` 3.1.
//!
//! Each route carries its own description, and a route without one cannot be added to the
//! router. What all have in common is said here once: who may ask, and what every refusal looks like.

use axum::Json;
use axum::Router;
use axum::extract::OriginalUri;
use axum::routing::get;
use evenkeel_api::ApiFailure;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    Components, ContentBuilder, InfoBuilder, License, OpenApi, OpenApiBuilder, PathItem, Ref,
    RefOr, ResponseBuilder, ServerBuilder,
};
use utoipa::{PartialSchema as _, ToSchema as _};

/// Where it is.
const PATH: &str = "/api/v1/openapi.json";

/// The name of the way to be let in.
const TOKEN: &str = "token";

/// What is said before any route.
pub(crate) fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Evenkeel admin API")
        .version(env!("CARGO_PKG_VERSION"))
        .license(Some(License::new("MIT OR Apache-2.0")))
        .description(Some(
            "Health, figures, events and orders of a running Evenkeel. Within v1 fields are added, \
             and none is taken away or given another meaning.",
        ));
    let mut components = Components::new();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("The token of token_file in [admin], if there is one"));
    components.add_security_scheme(TOKEN, SecurityScheme::Http(bearer.build()));
    components.schemas.insert(ApiFailure::name().into_owned(), ApiFailure::schema());
    let nothing = SecurityRequirement::default();
    let token = SecurityRequirement::new(TOKEN, [""; 0]);
    OpenApiBuilder::new()
        .info(info.build())
        .components(Some(components))
        .security(Some([nothing, token]))
        .build()
}

/// The route that tells it.
pub(crate) fn routes<S: Clone + Send + Sync + 'static>(mut description: OpenApi) -> Router<S> {
    for item in description.paths.paths.values_mut() {
        operations(item).for_each(describe_refusals);
    }
    Router::new().route(
        PATH,
        get(async move |OriginalUri(uri): OriginalUri| {
            let mut description = description.clone();
            // Where the routes are mounted is in front of the path that was asked for.
            let mounted_at = uri.path().strip_suffix(PATH).unwrap_or_default();
            let url = if mounted_at.is_empty() { "/" } else { mounted_at };
            description.servers = Some(vec![ServerBuilder::new().url(url).build()]);
            Json(description)
        }),
    )
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, options, head, patch, trace, .. } = item;
    [get, put, post, delete, options, head, patch, trace].into_iter().flatten()
}

/// Whatever is not described by itself is a refusal.
fn describe_refusals(operation: &mut Operation) {
    let schema = RefOr::Ref(Ref::from_schema_name(ApiFailure::name()));
    let refusal = ResponseBuilder::new()
        .description("It was refused: why, and what to do.")
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build());
    let responses = &mut operation.responses.responses;
    responses.insert("default".to_owned(), RefOr::T(refusal.build()));
}
