//! A person's avatar: a picture that this application serves, or initials.

use leptos::prelude::*;
use uuid::Uuid;

/// The number of classes `hue-N` in the style sheet.
const HUES: u128 = 6;

/// A picture, if the content security policy allows it; otherwise initials on a colour that never changes for this
/// person.
#[component]
pub fn Avatar(
    /// The person's id, which chooses the colour.
    id: Uuid,
    /// The person's name.
    #[prop(into)]
    name: String,
    /// The picture's address.
    #[prop(optional_no_strip)]
    picture: Option<String>,
    /// Additional classes.
    #[prop(optional)]
    class: &'static str,
) -> impl IntoView {
    match picture.filter(|address| is_ours(address)) {
        Some(address) => view! { <img class=format!("avatar {class}") src=address alt="" /> }.into_any(),
        None => {
            let hue = id.as_u128() % HUES;
            view! {
                <span class=format!("avatar hue-{hue} {class}") aria-hidden="true">
                    {initials(&name)}
                </span>
            }
            .into_any()
        }
    }
}

fn is_ours(address: &str) -> bool {
    (address.starts_with('/') && !address.starts_with("//")) || address.starts_with("data:image/")
}

fn initials(name: &str) -> String {
    let name = name.split('@').next().unwrap_or(name);
    let mut words = name
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| word.chars().next());
    let first = words.next();
    let last = words.next_back();
    let initials: String = first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect();
    if initials.is_empty() {
        "?".to_owned()
    } else {
        initials
    }
}

/// A name for a person whose address is all that is known.
pub fn local_part(email: Option<&str>) -> String {
    email
        .and_then(|email| email.split('@').next())
        .unwrap_or("Account")
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_the_first_and_the_last() {
        assert_eq!(initials("Ada Lovelace"), "AL");
        assert_eq!(initials("Ada King Lovelace"), "AL");
        assert_eq!(initials("ada.lovelace@example.org"), "AL");
        assert_eq!(initials("ada"), "A");
        assert_eq!(initials("ßeta"), "SS");
        assert_eq!(initials("…"), "?");
    }

    #[test]
    fn only_pictures_the_policy_lets_through_are_shown() {
        assert!(is_ours("/face.png"));
        assert!(is_ours("data:image/png;base64,AA=="));
        assert!(!is_ours("//elsewhere.example/face.png"));
        assert!(!is_ours("https://elsewhere.example/face.png"));
    }
}
