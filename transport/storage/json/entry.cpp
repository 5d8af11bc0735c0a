// Entries of JSON become records.

#include "transport/storage/json/entry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "core/backend/record_format.hpp"
#include "core/object/object_tail.hpp"
#include "core/record_archive.hpp"
#include "core/value/type_name.hpp"
#include "transport/storage/formats/text/element_number.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/json/entry_defaults.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::storage {

namespace {

/// An object as it is stored, in parts.
struct StoredEntry {
  Key key;
  std::uint64_t generation = 0;
  std::uint64_t expires_ns = 0;
  bool has_checksum = false;
  Layout layout = Layout::bytes;
  std::string type;
  std::string name;
  Extents extents;  ///< those that are stored: maybe none
  std::uint32_t element_bytes = 1;
  std::vector<std::byte> payload;
};

Error wrong_entry(const std::string& why) {
  return Error(Errc::corrupt, "the entry " + why + "; correct it, or store the object again");
}

std::vector<std::byte> record_of(const StoredEntry& entry) {
  ObjectRecord object{.size_bytes = entry.payload.size(),
                      .type_hash = text_hash(entry.type),
                      .name_hash = entry.name.empty() ? 0 : name_hash(entry.key.store, entry.name),
                      .store = entry.key.store,
                      .name_bytes = static_cast<std::uint32_t>(entry.name.size()) & 0x1FFFFU,
                      .type_name_bytes = static_cast<std::uint16_t>(entry.type.size()),
                      .rank = static_cast<std::uint8_t>(entry.extents.rank & 0xFU),
                      .extra_words = entry.has_checksum ? ObjectRecord::checksum_words : std::uint8_t{0},
                      .layout = entry.layout};
  std::vector<std::byte> bytes(entry.payload.size() + record_end_bytes(object));
  std::ranges::copy(entry.payload, bytes.begin());
  write_tail(bytes.data(), object, {entry.element_bytes, entry.extents, entry.type, entry.name});
  write_record_words(bytes, object, entry.key, entry.generation, entry.expires_ns);
  return bytes;
}

template <class T>
Result<void> put_as(const Record& value, std::vector<std::byte>& into) {
  const auto number = value.as<T>();
  if (!number) {
    return wrong_entry("has a value that is not of its type: " + number.error().text());
  }
  const auto bytes = std::as_bytes(std::span(&*number, 1));
  into.insert(into.end(), bytes.begin(), bytes.end());
  return {};
}

Result<void> put_number(const Record& value, std::string_view type, std::vector<std::byte>& into) {
  using Put = Result<void> (*)(const Record&, std::vector<std::byte>&);
  constexpr std::array<std::pair<std::string_view, Put>, 11> known{{{"bool", put_as<bool>},
                                                                    {"i8", put_as<std::int8_t>},
                                                                    {"u8", put_as<std::uint8_t>},
                                                                    {"i16", put_as<std::int16_t>},
                                                                    {"u16", put_as<std::uint16_t>},
                                                                    {"i32", put_as<std::int32_t>},
                                                                    {"u32", put_as<std::uint32_t>},
                                                                    {"i64", put_as<std::int64_t>},
                                                                    {"u64", put_as<std::uint64_t>},
                                                                    {"f32", put_as<float>},
                                                                    {"f64", put_as<double>}}};
  const auto found = std::ranges::find(known, type, &std::pair<std::string_view, Put>::first);
  return found == known.end()
             ? wrong_entry("has a value of a type that JSON does not show, " + std::string(type))
             : found->second(value, into);
}

/// Appends the elements in nested lists, all of which have the same length at the same depth.
Result<void> put_lists(const Record& value, std::string_view type, const Extents& extents, std::size_t depth,
                       std::vector<std::byte>& into) {
  if (depth == extents.size()) {
    return put_number(value, type, into);
  }
  if (value.kind() != Record::Kind::list || value.size() != extents[depth]) {
    return wrong_entry("has nested lists of different lengths or depths, which are no array");
  }
  for (const Record& one : value.list()) {
    if (auto done = put_lists(one, type, extents, depth + 1, into); !done) {
      return done;
    }
  }
  return {};
}

/// Returns the extents that nested lists have, or those that the entry has where there are no elements.
Result<Extents> extents_of_lists(const Record& value, const Extents& stored) {
  Extents found;
  bool is_empty = false;
  for (const Record* at = &value; at->kind() == Record::Kind::list; at = &(*at)[0]) {
    if (found.rank == max_rank) {
      return wrong_entry("has lists that are nested deeper than the dimensions of an array");
    }
    found.values[found.rank++] = at->size();
    if (at->size() == 0) {
      is_empty = true;
      break;
    }
  }
  if (found.rank == 0) {
    return wrong_entry("is an array, and its value no list");
  }
  return is_empty && stored.rank > 0 ? stored : found;
}

/// Sets payload, extents and size of the elements of an array.
Result<void> put_array(const Record& value, StoredEntry& entry) {
  const auto extents = extents_of_lists(value, entry.extents);
  if (!extents) {
    return extents.error();
  }
  const std::string_view element = element_of(entry.type);
  const auto number = element_number_type(element);
  if (!number) {
    return wrong_entry("has a value of a type that JSON does not show, " + entry.type);
  }
  entry.element_bytes = number->bytes;
  // One extent is stored only if it is said, or if there are more.
  entry.extents = extents->rank > 1 || entry.extents.rank > 0 ? *extents : Extents();
  bool has_none = false;
  for (const std::uint64_t extent : extents->span()) {
    has_none = has_none || extent == 0;
  }
  return has_none ? Result<void>() : put_lists(value, element, *extents, 0, entry.payload);
}

void put_text(std::string_view text, StoredEntry& entry) {
  const auto bytes = std::as_bytes(std::span(text));
  entry.payload.assign(bytes.begin(), bytes.end());
}

Result<void> put_record(const Record& value, StoredEntry& entry) {
  const auto bytes = detail::stored_bytes(value);
  if (!bytes) {
    return bytes.error();
  }
  entry.payload.resize(static_cast<std::size_t>(*bytes));
  const auto stored = detail::store_value(value, std::span<std::byte>(entry.payload));
  return stored ? Result<void>() : Result<void>(stored.error());
}

Result<void> put_value(const Record& value, StoredEntry& entry) {
  if (entry.type == json_record_type) {
    return put_record(value, entry);
  }
  if (entry.type.ends_with(json_codec)) {
    auto text = json_text_of(value, true);
    if (!text) {
      return text.error();
    }
    text->pop_back();  // the newline
    put_text(*text, entry);
    return {};
  }
  if (entry.type == json_text_type) {
    if (value.kind() != Record::Kind::text) {
      return wrong_entry("is a text, and its value none");
    }
    put_text(value.text(), entry);
    entry.extents = entry.extents.rank > 0 ? Extents(value.text().size()) : Extents();
    return {};
  }
  if (entry.layout == Layout::array) {
    return put_array(value, entry);
  }
  auto done = put_number(value, entry.type, entry.payload);
  entry.element_bytes = static_cast<std::uint32_t>(entry.payload.size());
  return done;
}

Result<Key> key_of(std::string_view text) {
  Key key{0, 0, 0};
  const char* at = text.data();
  const char* const end = text.data() + text.size();
  const auto number = [&](auto& into, char behind) {
    const auto [next, error] = std::from_chars(at, end, into);
    const bool is_right =
        error == std::errc() && (behind == '\0' ? next == end : next != end && *next == behind);
    at = behind == '\0' || !is_right ? next : next + 1;
    return is_right;
  };
  return number(key.store, '/') && number(key.creator, '/') && number(key.serial, '\0') && key.valid()
             ? Result<Key>(key)
             : wrong_entry("has no key of the form 1/2/3");
}

/// Reads a number of `object`; 0 if it is not there.
Result<std::uint64_t> number_in(const Record& object, std::string_view name) {
  if (object[name].is_null()) {
    return std::uint64_t{0};
  }
  const auto number = object.get<std::uint64_t>(name);
  return number ? *number : Result<std::uint64_t>(wrong_entry("is damaged: " + number.error().text()));
}

Result<StoredEntry> facts_in(const Record& entry, std::string_view name) {
  StoredEntry stored;
  const Record& object = entry["object"];
  stored.name = object["name"].is_null() ? usual_name(name) : std::string(object["name"].text());
  const auto key = object["key"].is_null() ? Result<Key>(Key{1, 0, 1}) : key_of(object["key"].text());
  const auto generation = number_in(object, "generation");
  const auto expires = number_in(object, "expires_ns");
  const auto element_bytes = number_in(entry, "element_bytes");
  if (!key || !generation || !expires || !element_bytes) {
    return !key          ? key.error()
           : !generation ? generation.error()
           : !expires    ? expires.error()
                         : element_bytes.error();
  }
  stored.key = *key;
  stored.generation = *generation;
  stored.expires_ns = *expires;
  stored.element_bytes = *element_bytes == 0 ? 1 : static_cast<std::uint32_t>(*element_bytes);
  stored.has_checksum = object["checksum"].as<bool>().value_or(false);
  stored.type = entry["type"].text();
  stored.layout = usual_layout(stored.type);
  for (const Layout layout : {Layout::bytes, Layout::flat, Layout::array, Layout::encoded}) {
    stored.layout = entry["layout"].text() == layout_name(layout) ? layout : stored.layout;
  }
  if (stored.name.size() > max_name_bytes || stored.type.size() >= 64 * 1024 ||
      entry["extents"].size() > max_rank) {
    return wrong_entry("has a name, a type or extents that are too long");
  }
  for (const Record& extent : entry["extents"].list()) {
    const auto number = extent.as<std::uint64_t>();
    if (!number) {
      return wrong_entry("has extents that are no numbers");
    }
    stored.extents.values[stored.extents.rank++] = *number;
  }
  return stored;
}

/// Returns the object that a value is that was written by hand.
StoredEntry made_by_hand(const Record& value, std::string_view name) {
  StoredEntry stored;
  stored.name = usual_name(name);
  stored.key = {1, 0, 1};
  switch (value.kind()) {
    case Record::Kind::boolean:
      stored.type = "bool";
      break;
    case Record::Kind::integer:
      stored.type = value.as<std::int64_t>() ? "i64" : "u64";
      break;
    case Record::Kind::real:
      stored.type = "f64";
      break;
    case Record::Kind::text:
      stored.type = json_text_type;
      break;
    default:
      stored.type = json_record_type;
      break;
  }
  stored.layout = usual_layout(stored.type);
  return stored;
}

}  // namespace

Result<std::vector<std::byte>> record_of_json_entry(const Record& entry, std::string_view name) {
  return format_call([&]() -> Result<std::vector<std::byte>> {
    const bool has_value = entry.members().find("value") != nullptr;
    const Record& base64 = entry["base64"];
    if (entry["bytes"].kind() == Record::Kind::text && entry["type"].is_null() && entry.size() <= 3) {
      return bytes_of_base64(entry["bytes"].text());
    }
    if (entry["type"].kind() != Record::Kind::text || (!has_value && base64.kind() != Record::Kind::text)) {
      StoredEntry stored = made_by_hand(entry, name);
      const auto done = put_value(entry, stored);
      return done ? Result<std::vector<std::byte>>(record_of(stored)) : done.error();
    }
    auto stored = facts_in(entry, name);
    if (!stored) {
      return stored.error();
    }
    if (has_value) {
      if (auto done = put_value(entry["value"], *stored); !done) {
        return done.error();
      }
      return record_of(*stored);
    }
    auto payload = bytes_of_base64(base64.text());
    if (!payload) {
      return payload.error();
    }
    stored->payload = std::move(*payload);
    if (stored->layout == Layout::flat) {
      stored->element_bytes = static_cast<std::uint32_t>(stored->payload.size());
    } else if (stored->layout != Layout::array) {
      stored->element_bytes = 1;
    }
    return record_of(*stored);
  });
}

}  // namespace locum::storage
