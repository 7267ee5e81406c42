//! The page: what a browser is served, from the binary.
//!
//! Nothing it loads comes from anywhere else, and it may load nothing else: the policy that is sent
//! with it says so to the browser. Its sources are in `crates/admin/page/`; there is no build step.
//!
//! # What it never does
//! Fill anything in: the page asks the API like everybody else.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use axum::Router;
use axum::extract::OriginalUri;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// One file of the page.
#[derive(Debug)]
struct Asset {
    path: &'static str,
    media_type: &'static str,
    text: &'static str,
}

/// The media types of the page's files.
const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// One file of `crates/admin/page/`, served as `/page/NAME`.
macro_rules! asset {
    ($name:literal, $media_type:expr) => {
        Asset {
            path: concat!("/page/", $name),
            media_type: $media_type,
            text: include_str!(concat!("../page/", $name)),
        }
    };
}

/// The document itself.
const DOCUMENT: Asset =
    Asset { path: "/", media_type: HTML, text: include_str!("../page/index.html") };

/// All of it.
const ASSETS: &[Asset] = &[
    DOCUMENT,
    asset!("page.css", CSS),
    asset!("icon.svg", SVG),
    asset!("page.js", JAVASCRIPT),
    asset!("api.js", JAVASCRIPT),
    asset!("configuration.js", JAVASCRIPT),
    asset!("details.js", JAVASCRIPT),
    asset!("dom.js", JAVASCRIPT),
    asset!("events.js", JAVASCRIPT),
    asset!("history.js", JAVASCRIPT),
    asset!("lab.js", JAVASCRIPT),
    asset!("orders.js", JAVASCRIPT),
    asset!("plot.js", JAVASCRIPT),
    asset!("plots.js", JAVASCRIPT),
    asset!("route.js", JAVASCRIPT),
    asset!("routes.js", JAVASCRIPT),
    asset!("servers.js", JAVASCRIPT),
    asset!("timeline.js", JAVASCRIPT),
    asset!("token.js", JAVASCRIPT),
    asset!("verdict.js", JAVASCRIPT),
    asset!("words.js", JAVASCRIPT),
];

/// What the page may do: load what is here, and ask here.
const POLICY: &str = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'";

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let tag = tag(asset.text);
        let handler = move |OriginalUri(uri): OriginalUri, headers: HeaderMap| {
            std::future::ready(answer(asset, uri.path(), &headers, tag.clone()))
        };
        router.route(asset.path, get(handler))
    })
}

/// Whether a path is one of the page's own files.
pub(crate) fn is_asset(path: &str) -> bool {
    ASSETS.iter().any(|asset| asset.path == path)
}

fn answer(asset: &'static Asset, path: &str, asked: &HeaderMap, tag: HeaderValue) -> Response {
    if asked.get(IF_NONE_MATCH).is_some_and(|known| *known == tag) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    let text = if asset.path == DOCUMENT.path { document(path) } else { asset.text.into() };
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(asset.media_type)),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        // A new binary brings a new page: a browser asks each time whether its copy is still right.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (ETAG, tag),
    ];
    (headers, text).into_response()
}

/// The document, as it is at `path`. Where the routes are mounted at `/ops`, the document is `/ops`
/// and its files are below `/ops/`: a browser would look for them below `/`.
fn document(path: &str) -> Cow<'static, str> {
    let last = path.rsplit('/').next().unwrap_or_default();
    let is_plain =
        last.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte));
    if last.is_empty() || !is_plain {
        return DOCUMENT.text.into();
    }
    DOCUMENT.text.replace("\"./", &format!("\"{last}/")).into()
}

/// Changes with the text, and within one build with nothing else.
fn tag(text: &str) -> HeaderValue {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    let tag = format!("\"{:016x}\"", hasher.finish());
    HeaderValue::try_from(tag).expect("a quoted number is a header")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;

    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/page");
        let files = fs::read_dir(folder).unwrap().map(|it| it.unwrap().file_name());
        let files: BTreeSet<_> =
            files.map(|it| format!("/page/{}", it.to_str().unwrap())).collect();
        let served: BTreeSet<_> = ASSETS.iter().map(|asset| asset.path.to_owned()).collect();
        let missing: Vec<_> = files.difference(&served).collect();
        assert_eq!(missing, ["/page/index.html"], "the document alone is served elsewhere");
    }

    #[test]
    fn whatever_a_file_names_is_served() {
        for asset in ASSETS {
            for quoted in asset.text.split('"') {
                let Some(name) = quoted.strip_prefix("./") else { continue };
                let name = name.split('#').next().unwrap();
                let is_ours = name.starts_with("page/") || asset.media_type == JAVASCRIPT;
                let path = format!("/page/{}", name.trim_start_matches("page/"));
                assert!(!is_ours || is_asset(&path), "{} names {name}", asset.path);
            }
        }
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        for asset in ASSETS {
            let text = asset.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!text.contains("://"), "{} names an address", asset.path);
            for way in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
                assert!(!text.contains(way), "{} uses {way}", asset.path);
            }
        }
        for inline in ["<style", "style=", "onclick=", "<script>"] {
            assert!(!DOCUMENT.text.contains(inline), "the policy forbids {inline}");
        }
    }

    #[test]
    fn files_are_found_from_wherever_the_document_is() {
        for (path, wanted) in [
            ("/", "\"./page/page.js\""),
            ("/ops/", "\"./page/page.js\""),
            ("/ops", "\"ops/page/page.js\""),
            ("/team/ops", "\"ops/page/page.js\""),
            ("/%C3%BC", "\"%C3%BC/page/page.js\""),
            // A path is anybody's text.
            ("/\"><b>", "\"./page/page.js\""),
        ] {
            assert!(document(path).contains(wanted), "{path}");
        }
    }

    #[test]
    fn a_tag_changes_with_the_text_alone() {
        assert_eq!(tag("a"), tag("a"));
        assert_ne!(tag("a"), tag("b"));
    }
}
