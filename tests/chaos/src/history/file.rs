//! Histories in files: one JSON object a line.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use super::Line;

/// Reads a history, without an incomplete last line of a killed process.
///
/// # Errors
///
/// Those of the file, and a line that does not match the schema.
pub fn read_history(path: &Path) -> io::Result<Vec<Line>> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut lines = Vec::new();
    let mut text = String::new();
    while reader.read_line(&mut text)? > 0 {
        if !text.ends_with('\n') {
            break;
        }
        lines.push(serde_json::from_str(&text)?);
        text.clear();
    }
    Ok(lines)
}

/// Writes a history.
///
/// # Errors
///
/// Those of the file.
pub fn write_history(path: &Path, lines: &[Line]) -> io::Result<()> {
    let mut writer = BufWriter::new(File::create(path)?);
    for line in lines {
        serde_json::to_writer(&mut writer, line)?;
        writer.write_all(b"\n")?;
    }
    writer.flush()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::{Fault, FaultKind, LinkState};
    use super::*;

    #[test]
    fn a_history_is_read_without_its_unfinished_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.jsonl");
        let lines = vec![
            Line::Link(LinkState {
                process: "w0.0".into(),
                at: 1,
                connected: true,
                shared: true,
                local: false,
                journal: 2,
            }),
            Line::Fault(Fault { kind: FaultKind::HalfOpen, targets: vec!["w1.0".into()], start: 1, end: 2 }),
        ];
        write_history(&path, &lines).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(r#"{"line":"link","process":"w0.0","at":1,"#), "{text}");
        assert!(text.contains(r#"{"line":"fault","kind":"half_open","targets":["w1.0"],"start":1,"end":2}"#), "{text}");
        fs::write(&path, text + r#"{"line":"link","pro"#).unwrap();
        assert_eq!(read_history(&path).unwrap(), lines);
    }
}
