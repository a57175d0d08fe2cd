//! Stores the text of many lines in a few long strings, called pages. This needs half the memory of
//! one string for each line, and a search can run over a whole page at once.

use std::collections::VecDeque;

/// Size of a page in bytes. A line that is longer has a page of its own.
const PAGE: usize = 64 * 1024;

/// Position of a line in the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the page that has the line. Page numbers may wrap around, because there are never
    /// 2^32 pages at the same time.
    pub(super) page: u32,
    pub(super) start: u32,
    /// End of the line, before its line end.
    pub(super) end: u32,
}

#[derive(Debug, Default)]
pub(super) struct Pages {
    pages: VecDeque<Page>,
    /// Number of the oldest page.
    first: u32,
}

#[derive(Debug)]
struct Page {
    /// The lines of the page, each with a line end.
    text: String,
    /// Number of lines of the page that are not released yet.
    lines: usize,
}

impl Pages {
    pub(super) fn push(&mut self, line: &str) -> Place {
        let needed = line.len() + 1;
        if self.pages.back().is_none_or(|page| page.text.len() + needed > PAGE) {
            let text = String::with_capacity(PAGE.max(needed));
            self.pages.push_back(Page { text, lines: 0 });
        }
        let number = self.first.wrapping_add(self.pages.len() as u32 - 1);
        let page = self.pages.back_mut().expect("one was just pushed where there was none");
        let start = page.text.len();
        // For a search, a line break is the end of a line. So the text of a line must not contain a
        // line break.
        if line.contains('\n') {
            page.text.push_str(&line.replace('\n', " "));
        } else {
            page.text.push_str(line);
        }
        page.text.push('\n');
        page.lines += 1;
        Place { page: number, start: start as u32, end: (start + line.len()) as u32 }
    }

    /// Releases a line. A page is dropped when its last line is released.
    pub(super) fn release(&mut self, place: Place) {
        if let Some(page) = self.pages.get_mut(place.page.wrapping_sub(self.first) as usize) {
            page.lines -= 1;
        }
        // The newest page stays, because further lines are written into it.
        while self.pages.len() > 1 && self.pages[0].lines == 0 {
            self.pages.pop_front();
            self.first = self.first.wrapping_add(1);
        }
    }

    pub(super) fn get(&self, place: Place) -> &str {
        &self.page(place.page)[place.start as usize..place.end as usize]
    }

    /// The whole text of a page.
    pub(super) fn page(&self, number: u32) -> &str {
        let page = self.pages.get(number.wrapping_sub(self.first) as usize);
        page.map_or("", |page| &page.text)
    }
}
