//! `server backup`: a copy made while the application serves, and what it restores.

use std::{fs, path::PathBuf};

use auth::db::{BackupError, backup};
use secrecy::SecretString;

use crate::support::TestApp;

const ADA: &str = "ada@example.com";

/// A path of its own for a copy.
fn somewhere(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("backup-{}", uuid::Uuid::now_v7()));
    fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

#[tokio::test]
async fn what_was_copied_while_others_wrote_can_be_restored() {
    let file = somewhere("copy.db");
    let url = format!("sqlite:{}", file.with_file_name("app.db").display());
    let app = TestApp::with(&[("DATABASE_URL", &url)]).await;
    let ada = app.registered(ADA).await;
    let url = SecretString::from(url);
    let writing = {
        let ada = ada.clone();
        async move {
            for name in ["Ada", "Countess", "Ada Lovelace", "A. L."] {
                ada.call("update_public_data", &[("display_name", name)])
                    .await
                    .expect(200);
            }
        }
    };
    let (bytes, ()) = tokio::join!(backup(&url, &file), writing);
    assert_eq!(bytes.unwrap(), fs::metadata(&file).unwrap().len());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    // What comes later is not in it, and it is not overwritten.
    app.registered("later@example.com").await;
    let again = backup(&url, &file).await.unwrap_err();
    assert!(matches!(again, BackupError::Create(..)), "{again}");

    let restored = format!("sqlite:{}", file.display());
    let restored = app.restarted(&[("DATABASE_URL", &restored)]).await;
    restored.assert_counts(&[("users", 1), ("sessions", 1)]).await;
    let there = ada.through(&restored.router);
    assert!(there.is_signed_in().await);
    assert_eq!(there.user().await["email"], ADA);
    there
        .call("update_public_data", &[("display_name", "Restored")])
        .await
        .expect(200);
    fs::remove_dir_all(file.parent().unwrap()).unwrap();
}

#[tokio::test]
async fn nothing_is_left_of_a_copy_that_failed() {
    let broken = somewhere("broken.db");
    fs::write(&broken, "This is no database. ".repeat(1000)).unwrap();
    let target = broken.with_file_name("copy.db");
    let failed = backup(&format!("sqlite:{}", broken.display()).into(), &target)
        .await
        .unwrap_err();
    assert!(
        matches!(failed, BackupError::Copy(_) | BackupError::Open(_)),
        "{failed}"
    );
    assert!(!target.exists());

    let missing = broken.with_file_name("missing.db");
    let failed = backup(&format!("sqlite:{}", missing.display()).into(), &target)
        .await
        .unwrap_err();
    assert!(matches!(failed, BackupError::Missing(_)), "{failed}");
    assert!(!target.exists() && !missing.exists());

    let whole = format!("sqlite:{}", broken.with_file_name("app.db").display());
    TestApp::with(&[("DATABASE_URL", &whole)]).await;
    let nowhere = broken.with_file_name("no-folder").join("copy.db");
    let failed = backup(&whole.into(), &nowhere).await.unwrap_err();
    assert!(matches!(failed, BackupError::Create(..)), "{failed}");
    fs::remove_dir_all(broken.parent().unwrap()).unwrap();
}
