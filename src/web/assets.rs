//! The style sheet, the script and the icon, inside the binary. Their names carry a hash of their
//! content, so that a browser may keep them for good and never mixes two versions.

use std::sync::LazyLock;

use actix_web::{HttpRequest, HttpResponse, http::header, web::Bytes};
use rust_embed::{Embed, EmbeddedFile};

use super::problem::{Refusal, Reply};

#[derive(Embed)]
#[folder = "assets/"]
struct Files;

/// Where a page finds the files it needs.
#[derive(Debug)]
pub struct Assets {
    /// Path of the style sheet.
    pub style: String,
    /// Path of the script.
    pub script: String,
    /// Path of the icon.
    pub icon: String,
}

static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    style: hashed_path("style", "css"),
    script: hashed_path("app", "js"),
    icon: hashed_path("icon", "svg"),
});

/// The paths of the files.
pub fn assets() -> &'static Assets {
    &ASSETS
}

/// `GET /assets/{file}`: one of the files.
pub async fn show(request: HttpRequest) -> Reply {
    let name = request.match_info().query("file");
    let (file, is_current) = find(name).ok_or_else(Refusal::no_such_path)?;
    // A tab from before an upgrade asks for an old name: it gets the present file, and does not
    // keep it under that name.
    let keep = if is_current { "public, max-age=31536000, immutable" } else { "no-cache" };
    Ok(HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, keep))
        .content_type(media_type(name))
        .body(Bytes::from(file.data.into_owned())))
}

/// The file with the name `stem.hash.ending`, and whether the hash is that of its present content.
fn find(name: &str) -> Option<(EmbeddedFile, bool)> {
    let (stem, rest) = name.split_once('.')?;
    let (hash, ending) = rest.split_once('.')?;
    let file = Files::get(&format!("{stem}.{ending}"))?;
    let is_current = hash_of(&file) == hash;
    Some((file, is_current))
}

fn hashed_path(stem: &str, ending: &str) -> String {
    let file = Files::get(&format!("{stem}.{ending}")).expect("a test asks for every asset");
    format!("/assets/{stem}.{}.{ending}", hash_of(&file))
}

fn hash_of(file: &EmbeddedFile) -> String {
    file.metadata.sha256_hash().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_asset_is_found_by_its_hashed_name() {
        let Assets { style, script, icon } = assets();
        for path in [style, script, icon] {
            let name = path.strip_prefix("/assets/").unwrap();
            assert!(find(name).is_some_and(|(_, is_current)| is_current), "{path}");
            assert_ne!(media_type(name), "application/octet-stream");
        }
        assert!(find("style.0123456789ab.css").is_some_and(|(_, is_current)| !is_current));
        for bad in ["style.css", "", "..", "x.y.css", "examples/webhook.test.json"] {
            assert!(find(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn the_assets_stay_small() {
        for name in ["style.css", "app.js"] {
            assert!(Files::get(name).unwrap().data.len() < 30 * 1024, "{name}");
        }
    }
}
