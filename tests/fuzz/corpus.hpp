#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>

namespace locum::tests {

/// Calls `read` with each input of a corpus, complete and cut in half; returns how many inputs there are.
template <class Read>
std::size_t read_corpus(const std::filesystem::path& folder, Read read) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto input = std::as_bytes(std::span(text));
    SCOPED_TRACE(entry.path().filename().string());
    ++files;
    for (const std::size_t size : {input.size(), input.size() / 2}) {
      (void)read(input.first(size));
    }
  }
  return files;
}

}  // namespace locum::tests
