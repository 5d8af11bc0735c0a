#pragma once

#include <cstddef>
#include <span>
#include <string>

#include <locum/format.hpp>

namespace locum::storage {

/// Collects the text of a file that is being saved, and writes it in large pieces.
class DraftText {
 public:
  explicit DraftText(FileDraft& file) : file_(file) {}

  /// The text that is not written yet: append to it.
  std::string text;

  /// Writes the text if it has become long. Call it after each line or value.
  [[nodiscard]] Result<void> flush_if_long() { return text.size() < piece_bytes ? Result<void>() : flush(); }
  /// Writes the text.
  [[nodiscard]] Result<void> flush() {
    auto written = file_.write(std::as_bytes(std::span(text)));
    text.clear();
    return written;
  }

 private:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 20U;

  FileDraft& file_;
};

}  // namespace locum::storage
