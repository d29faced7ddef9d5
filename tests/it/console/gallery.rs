//! Pictures of every page, to be looked at by people.

use super::{admin::Admin, world::World};

#[test]
#[ignore = "takes pictures; CONSOLE_PICTURES names the folder for them"]
fn pictures_of_every_page() {
    // Words of which a page's name must have one; all pages without it.
    let wanted = std::env::var("CONSOLE_PICTURES_OF").unwrap_or_default();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.split(',').any(|word| name.contains(word));
    let Some(folder) = std::env::var_os("CONSOLE_PICTURES") else { return };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let world = World::of("مزامنة العملاء ERP 42");
    let Some(admin) = Admin::signed_in(&world.app) else { return };
    let shoot = |name: &str, theme: &str, width: u32| {
        std::fs::write(folder.join(format!("{name}-{width}-{theme}.png")), admin.screenshot()).unwrap();
    };
    let looks = || ["light", "dark"].into_iter().flat_map(|theme| [320, 800, 1600].map(|width| (theme, width)));
    for (theme, width) in looks() {
        admin.prefers_dark(theme == "dark");
        admin.size(width, 1400);
        for (name, path) in world.pages().into_iter().filter(|(name, _)| is_wanted(name)) {
            admin.visit(&path);
            shoot(name, theme, width);
        }
    }
    for (name, walk) in world.behind_forms().into_iter().filter(|(name, _)| is_wanted(name)) {
        admin.size(1600, 1400);
        walk(&admin);
        for (theme, width) in looks() {
            admin.prefers_dark(theme == "dark");
            admin.size(width, 1400);
            shoot(name, theme, width);
        }
    }
}
