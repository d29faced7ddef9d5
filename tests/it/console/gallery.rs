//! Pictures of every page, to be looked at by people.

use super::{admin::Admin, world::World};

#[test]
#[ignore = "takes pictures; CONSOLE_PICTURES names the folder for them"]
fn pictures_of_every_page() {
    let Some(folder) = std::env::var_os("CONSOLE_PICTURES") else { return };
    let folder = std::path::PathBuf::from(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let world = World::of("مزامنة العملاء ERP 42");
    let Some(admin) = Admin::signed_in(&world.app) else { return };
    for theme in ["light", "dark"] {
        admin.prefers_dark(theme == "dark");
        for width in [320, 800, 1600] {
            admin.size(width, 1400);
            for (name, path) in world.pages() {
                admin.visit(&path);
                std::fs::write(folder.join(format!("{name}-{width}-{theme}.png")), admin.screenshot()).unwrap();
            }
        }
    }
}
