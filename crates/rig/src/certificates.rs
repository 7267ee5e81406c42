//! Certificates for servers on loopback.

use std::path::Path;
use std::process::Command;

/// Makes a certificate authority (`ca.pem`), and a certificate by it (`cert.pem`, `key.pem`) for
/// `localhost` and 127.0.0.1, in this folder. Both hold for two days.
pub fn make_certificates(folder: &Path) {
    let script = "
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -days 2 \
            -keyout ca.key -out ca.pem -subj '/CN=a test' &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc \
            -keyout key.pem -out request.pem -subj '/CN=localhost' &&
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' \
            > extensions &&
        openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 \
            -extfile extensions -out cert.pem";
    let made = Command::new("sh").args(["-c", script]).current_dir(folder).output();
    let made = made.expect("sh is there");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
