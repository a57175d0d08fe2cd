//! Converts terminal events of crossterm to input events of the view.

use crossterm::event::{
    Event, KeyCode as Code, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use stigmer_ui::{Input, Key, KeyCode};

/// Number of lines that one step of the mouse wheel scrolls.
const WHEEL: u16 = 3;

/// Converts an event. Returns `None` for an event that the view does not need, such as the release
/// of a key, which some terminals report.
#[must_use]
pub fn map(event: &Event) -> Option<Input> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => map_key(key).map(Input::Key),
        Event::Mouse(mouse) => match mouse.kind {
            MouseEventKind::ScrollUp => Some(Input::ScrollUp(WHEEL)),
            MouseEventKind::ScrollDown => Some(Input::ScrollDown(WHEEL)),
            MouseEventKind::Down(MouseButton::Left) => {
                Some(Input::Click { x: mouse.column, y: mouse.row })
            }
            MouseEventKind::Drag(MouseButton::Left) => {
                Some(Input::Drag { x: mouse.column, y: mouse.row })
            }
            MouseEventKind::Up(MouseButton::Left) => Some(Input::Release),
            _ => None,
        },
        Event::Resize(..) => Some(Input::Resize),
        Event::Key(_) | Event::FocusGained | Event::FocusLost | Event::Paste(_) => None,
    }
}

/// Whether the window has the focus now. `None` for another event.
#[must_use]
pub fn focus(event: &Event) -> Option<bool> {
    match event {
        Event::FocusGained => Some(true),
        Event::FocusLost => Some(false),
        Event::Key(_) | Event::Mouse(_) | Event::Paste(_) | Event::Resize(..) => None,
    }
}

/// Whether this event is Ctrl-Z. In raw mode, Ctrl-Z arrives as a key and not as a signal.
#[must_use]
pub fn is_suspend(event: &Event) -> bool {
    matches!(event, Event::Key(key) if key.kind == KeyEventKind::Press
        && key.code == Code::Char('z')
        && key.modifiers.contains(KeyModifiers::CONTROL))
}

fn map_key(key: &KeyEvent) -> Option<Key> {
    let code = match key.code {
        Code::Char(c) => KeyCode::Char(c),
        Code::Enter => KeyCode::Enter,
        Code::Esc => KeyCode::Esc,
        Code::Tab => KeyCode::Tab,
        Code::BackTab => KeyCode::BackTab,
        Code::Backspace => KeyCode::Backspace,
        Code::Delete => KeyCode::Delete,
        Code::Up => KeyCode::Up,
        Code::Down => KeyCode::Down,
        Code::Left => KeyCode::Left,
        Code::Right => KeyCode::Right,
        Code::PageUp => KeyCode::PageUp,
        Code::PageDown => KeyCode::PageDown,
        Code::Home => KeyCode::Home,
        Code::End => KeyCode::End,
        Code::F(n) => KeyCode::F(n),
        _ => return None,
    };
    Some(Key {
        code,
        ctrl: key.modifiers.contains(KeyModifiers::CONTROL),
        alt: key.modifiers.contains(KeyModifiers::ALT),
        shift: key.modifiers.contains(KeyModifiers::SHIFT),
    })
}
