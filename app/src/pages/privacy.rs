//! What is kept about visitors and users, and for how long.
//!
//! The page is written on the server, from the table in `auth::data_rights`. The browser gets it as markup, so that none of
//! its text is in the wasm.

use leptos::prelude::*;
use leptos_meta::Title;

use crate::{
    error::AppError,
    ui::load::{Load, Loaded},
};

/// The content of the page, as markup.
#[server]
pub async fn get_privacy() -> Result<String, AppError> {
    Ok(notice::markup())
}

/// The page.
#[component]
pub fn Privacy() -> impl IntoView {
    let notice = Load::new(|| 0, || GetPrivacy {});
    view! {
        <Title text="Privacy" />
        <div class="page">
            <h1>"Privacy"</h1>
            <Loaded load=notice let:notice>
                <div class="kept-notice" inner_html=notice></div>
            </Loaded>
        </div>
    }
}

#[cfg(feature = "ssr")]
mod notice {
    use std::fmt::Write;

    use auth::data_rights::kept::{COOKIES, Cookie, Line, SECTIONS};
    use wire::NAME;

    use crate::pages::paths;

    /// Everything on the page comes from the code, so nothing in it needs to be escaped. A test checks that.
    pub(super) fn markup() -> String {
        let mut page = format!(
            "<p class=\"lead\">What {NAME} keeps about you, why, and for how long. Nothing else is kept. Nothing is sold, \
             and nothing follows you to other sites.</p>\
             <p>In your <a href=\"{}\">settings</a> you can download all of it, and delete your account with all of \
             it.</p>",
            paths::SETTINGS_SECURITY
        );
        for section in SECTIONS {
            let lines: String = section.lines.iter().map(line).collect();
            card(
                &mut page,
                section.title,
                &format!("<dl class=\"kept\">{lines}</dl>"),
            );
        }
        let cookies: String = COOKIES.iter().map(cookie).collect();
        card(
            &mut page,
            "Cookies",
            &format!(
                "<p class=\"hint\">All of them are needed for what you ask for, so there is nothing to agree to. None \
                 follows you to other sites.</p><dl class=\"kept\">{cookies}</dl>"
            ),
        );
        card(
            &mut page,
            "Beside the database",
            "<dl class=\"kept\">\
             <dt>The server’s log: when a request came, what it asked for, the id of your account and your internet address \
             at a sign-in</dt>\
             <dd>Faults and attacks can be found.</dd>\
             <dd class=\"hint\">Kept as long as whoever runs this server keeps its log.</dd>\
             <dt>Counts of attempts, such as wrong passwords, in the server’s memory</dt>\
             <dd>Nobody can try out passwords.</dd>\
             <dd class=\"hint\">Kept for an hour at most.</dd></dl>",
        );
        page
    }

    fn card(page: &mut String, title: &str, content: &str) {
        // Writing to a text cannot fail.
        _ = write!(
            page,
            "<section class=\"card\"><h2>{title}</h2>{content}</section>"
        );
    }

    fn line(line: &Line) -> String {
        let Line { what, why, .. } = line;
        entry(what, why, &line.life.words())
    }

    fn cookie(Cookie { name, what, life }: &Cookie) -> String {
        entry(&format!("<code>{}</code>", name.plain()), what, life)
    }

    fn entry(what: &str, why: &str, life: &str) -> String {
        format!("<dt>{what}</dt><dd>{why}</dd><dd class=\"hint\">Kept {life}.</dd>")
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn no_text_in_the_tables_is_markup() {
            let lines = SECTIONS.iter().flat_map(|section| section.lines);
            let texts = lines.flat_map(|line| [line.what.to_owned(), line.why.to_owned(), line.life.words()]);
            let titles = SECTIONS.iter().map(|section| section.title.to_owned());
            let cookies = COOKIES
                .iter()
                .flat_map(|cookie| [cookie.what.to_owned(), cookie.life.to_owned()]);
            for text in texts.chain(titles).chain(cookies) {
                assert!(!text.contains(['<', '>', '&', '"']), "{text}");
            }
        }
    }
}
