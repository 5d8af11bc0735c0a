#include "transport/storage/experiments/plain_record.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/detail/representation.hpp"
#include "core/record_archive.hpp"
#include "core/value/error.hpp"
#include "transport/storage/formats/text/utf8.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view stored_member = "@record";
constexpr std::string_view shown_member = "shows";
constexpr std::size_t longest_shown = 200;
constexpr std::string_view plain_digits = "0123456789abcdef";

Record stored_in_digits(const Record& value) {
  std::vector<std::byte> stored(static_cast<std::size_t>(detail::stored_bytes(value).value()));
  detail::store_value(value, std::span(stored)).value();
  std::string digits;
  digits.reserve(2 * stored.size());
  for (const std::byte byte : stored) {
    digits += plain_digits[std::to_integer<unsigned>(byte) >> 4U];
    digits += plain_digits[std::to_integer<unsigned>(byte) & 15U];
  }
  std::ostringstream shown;
  shown << value;
  std::string shows = shown.str();
  if (shows.size() > longest_shown) {
    shows.resize(longest_shown);
  }
  shows.resize(valid_utf8_bytes(shows));
  return Record::members(
      {{std::string(stored_member), std::move(digits)}, {std::string(shown_member), std::move(shows)}});
}

Result<Record> stored_of_digits(std::string_view digits, const std::weak_ptr<detail::SessionState>& session) {
  std::vector<std::byte> stored(digits.size() / 2);
  for (std::size_t at = 0; at < stored.size(); ++at) {
    const std::size_t high = plain_digits.find(digits[2 * at]);
    const std::size_t low = plain_digits.find(digits[2 * at + 1]);
    if (high == std::string_view::npos || low == std::string_view::npos) {
      return Error(Errc::corrupt, "a stored Record has letters that are no hexadecimal digits");
    }
    stored[at] = static_cast<std::byte>(high << 4U | low);
  }
  return digits.size() % 2 == 0 ? decode_record(nullptr, stored, session)
                                : Error(Errc::corrupt, "a stored Record has half a byte");
}

}  // namespace

Record plain_record(const Record& value) {
  switch (value.kind()) {
    case Record::Kind::null:
    case Record::Kind::boolean:
    case Record::Kind::integer:
      return value;
    case Record::Kind::real:
      return std::isfinite(value.as<double>().value()) ? value : stored_in_digits(value);
    case Record::Kind::text:
      return is_utf8(value.text()) ? value : stored_in_digits(value);
    case Record::Kind::complex:
    case Record::Kind::bytes:
    case Record::Kind::array:
    case Record::Kind::stand_in:
      return stored_in_digits(value);
    case Record::Kind::list: {
      Record::List list;
      list.reserve(value.size());
      for (const Record& element : value.list()) {
        list.push_back(plain_record(element));
      }
      return Record::list(std::move(list));
    }
    case Record::Kind::members:
      break;
  }
  RecordMembers members;
  for (const auto& [name, member] : value.members()) {
    if (name == stored_member || !is_utf8(name)) {
      return stored_in_digits(value);
    }
    members.set(name, plain_record(member));
  }
  return members;
}

Result<Record> record_of_plain(const Record& plain, const std::weak_ptr<detail::SessionState>& session) {
  if (plain.kind() == Record::Kind::list) {
    Record::List list;
    for (const Record& element : plain.list()) {
      auto made = record_of_plain(element, session);
      if (!made) {
        return made;
      }
      list.push_back(std::move(*made));
    }
    return Record::list(std::move(list));
  }
  if (plain.kind() != Record::Kind::members) {
    return plain;
  }
  if (const Record* const stored = plain.members().find(stored_member); stored != nullptr) {
    return stored->kind() == Record::Kind::text
               ? stored_of_digits(stored->text(), session)
               : Error(Errc::corrupt, "the member @record is no text of hexadecimal digits");
  }
  RecordMembers members;
  for (const auto& [name, member] : plain.members()) {
    auto made = record_of_plain(member, session);
    if (!made) {
      return made;
    }
    members.set(name, std::move(*made));
  }
  return Record(std::move(members));
}

bool nests_at_most(const Record& value, std::size_t levels) {
  if (value.kind() != Record::Kind::list && value.kind() != Record::Kind::members) {
    return true;
  }
  return levels > 0 &&
         std::ranges::all_of(value.list(),
                             [&](const Record& one) { return nests_at_most(one, levels - 1); }) &&
         std::ranges::all_of(value.members(),
                             [&](const auto& one) { return nests_at_most(one.second, levels - 1); });
}

}  // namespace locum::storage
