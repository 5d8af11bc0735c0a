// For libFuzzer: see tests/fuzz/run.sh. LOCUM_FUZZ_FORMAT names the format. Its findings are added to
// format_corpus/, in the folder of the format, which tests/transport/storage/format_corpus_test.cpp reads in
// every build.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>

#include "core/format_registry.hpp"
#include "tests/fuzz/format_input.hpp"
#include "tests/fuzz/input.hpp"
#include "transport/storage/files/format_list.hpp"

namespace {

std::shared_ptr<const locum::Format> chosen_format() {
  locum::storage::register_own_formats();
  const char* const name = std::getenv("LOCUM_FUZZ_FORMAT");
  auto format = locum::format_named(name == nullptr ? "" : name);
  locum::tests::demand(format != nullptr, "LOCUM_FUZZ_FORMAT names no format of this build");
  return format;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const auto format = chosen_format();
  locum::tests::read_as_format(*format, std::as_bytes(std::span(bytes, size)));
  return 0;
}
