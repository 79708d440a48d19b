//! The user's picture: uploaded and removed by a plain form, so that none of it is code in the browser.

use leptos::prelude::*;

#[cfg(feature = "ssr")]
use crate::context::Context;
use crate::{
    error::AppError,
    forms::Endpoint,
    made_for::MadeForField,
    pages::paths,
    ui::form::{FormState, Notice},
};

/// The forms of this card.
pub const FORMS: &[Endpoint] = &[UPLOAD, REMOVE_PICTURE];

/// Where a picture is uploaded, in the field `picture` of a form with files.
pub const UPLOAD_PICTURE: &str = "/api/upload_picture";

const PAGES: &[&str] = &[paths::SETTINGS_PUBLIC, paths::SETTINGS];
const UPLOAD: Endpoint = Endpoint::at(UPLOAD_PICTURE, PAGES);

/// Removes the user's picture. Their initials are shown instead.
#[server]
pub async fn remove_picture() -> Result<(), AppError> {
    let context = Context::take()?;
    let live = context.require_session().await?;
    Ok(context.auth.pictures.remove(&live).await?)
}

const REMOVE_PICTURE: Endpoint = Endpoint::of::<RemovePicture>(PAGES);

/// The card for it. Its button to remove sends the same form elsewhere.
#[component]
pub fn PictureCard() -> impl IntoView {
    view! {
        <section class="card" aria-labelledby="picture-title">
            <h2 id="picture-title">"Picture"</h2>
            <Notice form=FormState::of(UPLOAD) done="Your picture has been saved." />
            <Notice form=FormState::of(REMOVE_PICTURE) done="Your picture has been removed." />
            <form method="post" action="/api/upload_picture" enctype="multipart/form-data" class="stack">
                <MadeForField />
                <div class="field">
                    <label for="picture">"Choose a picture"</label>
                    <input
                        id="picture"
                        name="picture"
                        type="file"
                        accept="image/png,image/jpeg"
                        required
                        aria-describedby="picture-hint"
                    />
                    <p class="hint" id="picture-hint">
                        "PNG or JPEG, at most 5 MB."
                    </p>
                </div>
                <div class="actions">
                    <button type="submit" class="button button-primary">
                        "Upload"
                    </button>
                    <button
                        type="submit"
                        class="button button-quiet"
                        formaction="/api/remove_picture"
                        formenctype="application/x-www-form-urlencoded"
                        formnovalidate
                    >
                        "Remove my picture"
                    </button>
                </div>
            </form>
        </section>
    }
}
