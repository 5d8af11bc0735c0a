// Numbers, texts and names of a pickle.
#include <algorithm>
#include <limits>

#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/formats/torch/pickle_reader.hpp"

namespace locum::storage {

Result<std::uint64_t> PickleReader::number(std::size_t bytes) {
  if (graph_.bytes.size() - at_ < bytes) {
    return damaged("it ends inside an instruction");
  }
  std::uint64_t value = 0;
  for (std::size_t byte = 0; byte < bytes; ++byte) {
    value |= std::uint64_t{static_cast<std::uint8_t>(graph_.bytes[at_ + byte])} << 8 * byte;
  }
  at_ += bytes;
  return value;
}

Result<PickleReader::Step> PickleReader::push_text(Kind kind, std::size_t length_bytes) {
  const auto length = number(length_bytes);
  if (!length) {
    return length.error();
  }
  if (*length > graph_.bytes.size() - at_ || *length > std::numeric_limits<std::uint32_t>::max()) {
    return damaged("a text of " + std::to_string(*length) + " bytes is longer than the pickle");
  }
  const PickleValue value{kind, static_cast<std::uint32_t>(*length), at_};
  at_ += static_cast<std::size_t>(*length);
  if (kind == Kind::text && !is_utf8(graph_.text(value))) {
    return damaged("a text is not UTF-8");
  }
  return push(value);
}

Result<PickleReader::Step> PickleReader::push_long(std::size_t length_bytes) {
  const auto length = number(length_bytes);
  if (!length) {
    return length.error();
  }
  if (*length > graph_.bytes.size() - at_) {
    return damaged("an integer of " + std::to_string(*length) + " bytes is longer than the pickle");
  }
  if (*length > 9) {
    return unsupported("it holds an integer of " + std::to_string(*length) +
                       " bytes; those of -2^63 to 2^64 - 1 are read: save it as a text or a float");
  }
  const auto bytes = static_cast<std::size_t>(*length);
  const bool is_negative =
      bytes > 0 && (static_cast<std::uint8_t>(graph_.bytes[at_ + bytes - 1]) & 0x80U) != 0;
  auto low = number(std::min<std::size_t>(bytes, 8));
  const auto high = bytes == 9 ? number(1) : Result<std::uint64_t>(is_negative ? 0xFFU : 0U);
  if (bytes < 8 && is_negative) {
    *low |= ~std::uint64_t{0} << 8 * bytes;
  }
  const bool has_top = (*low >> 63U) != 0;
  if (*high == 0 && (!has_top || bytes == 9)) {
    return push({has_top ? Kind::natural : Kind::integer, 0, *low});
  }
  if (*high == 0xFF && has_top) {
    return push({Kind::integer, 0, *low});
  }
  return unsupported("it holds an integer beyond -2^63 to 2^64 - 1: save it as a text or a float");
}

Result<std::string_view> PickleReader::line() {
  const std::size_t end = graph_.bytes.find('\n', at_);
  if (end == std::string_view::npos) {
    return damaged("a name has no end");
  }
  const std::string_view text = graph_.bytes.substr(at_, end - at_);
  at_ = end + 1;
  return text;
}

Result<PickleReader::Step> PickleReader::push_global(std::string_view module, std::string_view name) {
  for (std::size_t at = 0; at < known_.size(); ++at) {
    const std::string_view one = known_[at];
    if (one.size() == module.size() + 1 + name.size() && one.starts_with(module) &&
        one[module.size()] == '.' && one.ends_with(name)) {
      return push({Kind::global, 0, at});
    }
  }
  std::string wanted(module.substr(0, 200));
  wanted.append(".").append(name.substr(0, 200));
  return unsupported(
      "the file wants to call " + quoted_name(wanted) +
      "; only tensors and plain values (None, bool, int, float, str, bytes, list, tuple, dict) "
      "are read, and nothing is called: save those");
}

Result<PickleReader::Step> PickleReader::push_global_of_lines() {
  const auto module = line();
  if (!module) {
    return module.error();
  }
  const auto name = line();
  return name ? push_global(*module, *name) : name.error();
}

Result<PickleReader::Step> PickleReader::push_global_of_stack() {
  if (auto enough = need(2); !enough) {
    return enough.error();
  }
  const PickleValue name = stack_.back();
  stack_.pop_back();
  const PickleValue module = stack_.back();
  stack_.pop_back();
  if (!name.is_text() || !module.is_text()) {
    return damaged("the name of a function is no text");
  }
  return push_global(graph_.text(module), graph_.text(name));
}

}  // namespace locum::storage
