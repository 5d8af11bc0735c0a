#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <nlohmann/json.hpp>

#include <locum/archive.hpp>
#include <locum/codec.hpp>
#include <locum/detail/json_text.hpp>

/// \file
/// Stores values as texts of JSON. This header needs nlohmann's library (Debian: nlohmann-json3-dev), which
/// no other header needs.
namespace locum {

namespace detail {

/// Refuses values that JSON cannot represent, which nlohmann's library would write as other values.
/// \param place position of `value` in the whole one: `/limits/2`
inline void check_json(const nlohmann::json& value, std::string& place, std::size_t depth) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) {
    throw unwritable_json("JSON has neither NaN nor infinity, which the value holds", place);
  }
  if (value.is_binary() || value.is_discarded()) {
    throw unwritable_json("the value holds what only nlohmann's own formats can say", place);
  }
  if (!value.is_structured()) {
    return;
  }
  if (depth == max_nesting) {
    throw unwritable_json("values nest deeper than " + std::to_string(max_nesting) + " levels", place);
  }
  const std::size_t length = place.size();
  for (const auto& item : value.items()) {
    place.append("/").append(item.key());
    check_json(item.value(), place, depth + 1);
    place.resize(length);
  }
}

}  // namespace detail

/// The codec of texts of JSON: `put("config", config, {.codec = Json{}})`, `get<Config>("config", {.codec =
/// Json{}})`. It takes every type that nlohmann's library converts: numbers, strings, containers, classes
/// with `NLOHMANN_DEFINE_TYPE_INTRUSIVE` or a `to_json` and a `from_json`. It also reads raw bytes, such as
/// those of a file written by hand.
///
/// A text has two spaces for each level and ends with a newline. It has at most 64 MiB (else
/// `value_too_large`), and nests at most 256 levels. Doubles come back exactly. A value with NaN, with
/// infinity or with a string that is not UTF-8 is `invalid_argument`. A text that cannot be read as the type
/// is `corrupt`: the error gives line, column and the expected token if the text is no JSON, else the missing
/// type or member. Numbers are converted as nlohmann's library does it: 3.7 read as an `int` is 3. A put
/// makes the text twice, first for its size. Threads may share it.
struct Json {
  static constexpr std::string_view name = "json";
  static constexpr bool reads_raw_bytes = true;

  template <class T>
    requires std::is_convertible_v<const T&, nlohmann::json>
  [[nodiscard]] std::uint64_t size(const T& value) const {
    return detail::size_of_json(text_of(value));
  }
  template <class T>
    requires std::is_convertible_v<const T&, nlohmann::json>
  [[nodiscard]] std::size_t encode(const T& value, std::span<std::byte> memory) const {
    const std::string text = text_of(value);
    std::ranges::copy(std::as_bytes(std::span(text)).first(std::min(text.size(), memory.size())),
                      memory.begin());
    return text.size();
  }
  template <class T>
    requires requires(const nlohmann::json& json, T& value) { json.get_to(value); }
  static void decode(std::span<const std::byte> bytes, T& value) {
    const std::string_view text = detail::checked_json(bytes);
    try {
      nlohmann::json::parse(text.begin(), text.end()).get_to(value);
    } catch (const nlohmann::json::exception& error) {
      throw detail::unreadable_json(error.what(), error.id);
    }
  }

 private:
  // A value of nlohmann's own is not copied.
  static std::string text_of(const nlohmann::json& value) {
    std::string place;
    detail::check_json(value, place, 0);
    try {
      return value.dump(2) + '\n';
    } catch (const nlohmann::json::exception&) {
      throw detail::unwritable_json("a string of the value is not UTF-8, as those of JSON are", {});
    }
  }
};

}  // namespace locum
