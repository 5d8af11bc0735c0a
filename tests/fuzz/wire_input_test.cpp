#include "tests/fuzz/wire_input.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <set>
#include <string>

#include "core/rpc/message.hpp"

namespace locum::tests {
namespace {

const std::filesystem::path corpus = LOCUM_FUZZ_CORPUS;

std::vector<std::byte> bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

// LOCUM_FUZZ_CORPUS_TO=folder writes the fuzzer's initial corpus: to tests/fuzz/corpus, or another folder.
TEST(WireInput, OfRanksThatBehaveDoesNoHarm) {
  const char* const folder = std::getenv("LOCUM_FUZZ_CORPUS_TO");
  std::set<int> kinds;
  std::set<int> sorts;
  const auto inputs = honest_wire_inputs();
  for (std::size_t at = 0; at < inputs.size(); ++at) {
    const auto& input = inputs[at];
    sorts.insert(std::to_integer<int>(input[0]));
    kinds.insert(std::to_integer<int>(input[0]) <= 1 ? std::to_integer<int>(input[1]) : 1);
    read_wire(input);
    if (folder != nullptr) {
      std::ofstream file(std::filesystem::path(folder) / ("honest-" + std::to_string(at)), std::ios::binary);
      file.write(reinterpret_cast<const char*>(input.data()), static_cast<std::streamsize>(input.size()));
    }
  }
  EXPECT_EQ(sorts.size(), static_cast<std::size_t>(wire_inputs));
  for (const Kind kind : {Kind::reply,         Kind::fetch,           Kind::exists,
                          Kind::evict,         Kind::look_up,         Kind::bind,
                          Kind::unbind,        Kind::generation,      Kind::list,
                          Kind::await,         Kind::fetch_part,      Kind::copy,
                          Kind::invalidate,    Kind::fetch_hyperslab, Kind::fetch_batch,
                          Kind::evict_batch,   Kind::unbind_batch,    Kind::bind_batch,
                          Kind::look_up_batch, Kind::together}) {
    EXPECT_TRUE(kinds.contains(static_cast<int>(kind))) << "no message of kind " << static_cast<int>(kind);
  }
}

// Inputs that a fuzzer has found, and its initial corpus; complete, and truncated.
TEST(WireInput, OfTheCorpusDoesNoHarm) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(corpus)) {
    const auto input = bytes_of(entry.path());
    ++files;
    SCOPED_TRACE(entry.path().filename().string());
    read_wire(input);
    for (const std::size_t size : {input.size() / 2, input.size() - 1}) {
      read_wire(std::span(input).first(size));
    }
  }
  std::cout << files << " files\n";
  EXPECT_GT(files, 50U);
}

}  // namespace
}  // namespace locum::tests
