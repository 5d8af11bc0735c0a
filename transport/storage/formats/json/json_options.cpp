#include "transport/storage/formats/json/json_options.hpp"

#include <array>

#include "transport/storage/formats/text/format_options.hpp"

namespace locum::storage {

namespace {

constexpr std::array<FormatOption, 5> json_known_options{{
    {"nan",
     "'refuse' for an error (the default), 'literal' for Python's NaN, Infinity and -Infinity, or, for "
     "saving, 'null'"},
    {"big_integers",
     "for loading integers that need more than 64 bits: 'refuse' for an error (the default), "
     "'text' or 'real'"},
    {"arrays", "for loading: whether nested lists of numbers with equal lengths become arrays (false)"},
    {"bytes", "for saving bytes: 'refuse' for an error (the default), or 'base64' for a text"},
    {"indent", "for saving: the number of spaces of each level (2); 0 for one line"},
}};

}  // namespace

std::span<const FormatOption> json_option_list() noexcept {
  return json_known_options;
}

Result<JsonOptions> json_options(const Record& options) {
  const FormatOptions given(options);
  const auto nan = given.word("nan", {"refuse", "literal", "null"}, "refuse");
  const auto big_integers = given.word("big_integers", {"refuse", "text", "real"}, "refuse");
  const auto arrays = given.flag("arrays", false);
  const auto bytes = given.word("bytes", {"refuse", "base64"}, "refuse");
  const auto indent = given.count("indent", 2);
  if (!nan || !big_integers || !bytes) {
    return !nan ? nan.error() : !big_integers ? big_integers.error() : bytes.error();
  }
  if (!arrays || !indent) {
    return !arrays ? arrays.error() : indent.error();
  }
  constexpr std::uint64_t most_indent = 16;
  if (*indent > most_indent) {
    return wrong_option("indent", "at most 16");
  }
  JsonOptions read;
  read.nan = *nan == "literal" ? JsonOptions::Nan::literal
             : *nan == "null"  ? JsonOptions::Nan::null
                               : JsonOptions::Nan::refuse;
  read.big_integers = *big_integers == "text"   ? JsonOptions::BigIntegers::text
                      : *big_integers == "real" ? JsonOptions::BigIntegers::real
                                                : JsonOptions::BigIntegers::refuse;
  read.arrays = *arrays;
  read.base64 = *bytes == "base64";
  read.indent = *indent;
  return read;
}

}  // namespace locum::storage
