#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/url.hpp"
#include "tests/transport/storage/formats/checked_by_python.hpp"
#include "tests/transport/storage/formats/memory_file.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/zip/zip_fields.hpp"
#include "transport/storage/zip/zip_writer.hpp"

namespace locum::tests {

using ZipMembers = std::vector<std::pair<std::string, std::string>>;

/// Returns the bytes of an archive. A member whose name ends with '/' is a folder, if it is stored.
inline std::vector<std::byte> zip_of(const ZipMembers& members, int level = 0) {
  MemoryDraft draft;
  storage::ZipWriter zip(draft, level);
  for (const auto& [name, text] : members) {
    if (name.ends_with('/')) {
      zip.add_folder(name.substr(0, name.size() - 1)).value();
      continue;
    }
    zip.begin(name, text.size()).value();
    zip.write(std::as_bytes(std::span(text))).value();
    zip.end().value();
  }
  zip.finish().value();
  return draft.bytes();
}

/// Replaces a text in an archive by another one of the same length: names in its records.
inline void replace_in_zip(std::vector<std::byte>& zip, const std::string& text, const std::string& by) {
  const auto from = std::as_bytes(std::span(text));
  const auto to = std::as_bytes(std::span(by));
  for (auto at = zip.begin(); (at = std::search(at, zip.end(), from.begin(), from.end())) != zip.end();) {
    at = std::copy(to.begin(), to.end(), at);
  }
}

inline Result<std::shared_ptr<storage::FileArea>> zip_area_of(const std::string& path) {
  return storage::open_zip_area(parse_url("zip:" + path).value());
}

/// Returns what a file of an area holds, read at once.
inline Result<std::string> text_in_area(storage::FileArea& area, const std::string& path) {
  const auto file = area.open(path, {});
  if (!file) {
    return file.error();
  }
  std::string text(static_cast<std::size_t>((*file)->size_bytes()), '\0');
  auto read = (*file)->read(0, std::as_writable_bytes(std::span(text)));
  return read ? Result<std::string>(std::move(text)) : read.error();
}

/// Returns a text that deflate makes shorter, but not by much.
inline std::string some_text(std::size_t size, unsigned seed = 1) {
  std::string text(size, '\0');
  for (char& letter : text) {
    seed = seed * 1103515245U + 12345U;
    letter = static_cast<char>('a' + (seed >> 16U) % 20U);
  }
  return text;
}

}  // namespace locum::tests
