// Records become entries of JSON.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "core/array.hpp"
#include "core/backend/record_format.hpp"
#include "core/object/object_tail.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/formats/text/element_number.hpp"
#include "transport/storage/formats/text/format_call.hpp"
#include "transport/storage/formats/text/utf8.hpp"
#include "transport/storage/json/entry.hpp"
#include "transport/storage/json/entry_defaults.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::storage {

namespace {

/// Longer arrays are of no use to people.
constexpr std::uint64_t most_shown_elements = 4096;

/// Returns the value that JSON shows of an object; nothing if it shows none.
std::optional<Record> shown_value(const StoredFacts& facts) {
  const std::string_view type = facts.tail.type_name;
  const std::string_view text(reinterpret_cast<const char*>(facts.payload.data()), facts.payload.size());
  if (type == json_record_type) {
    auto record = decode_record({}, facts.payload, {});
    return record ? std::optional(std::move(*record)) : std::nullopt;
  }
  if (type.ends_with(json_codec)) {
    auto value = read_json(text);
    return value ? std::optional(std::move(*value)) : std::nullopt;
  }
  if (type == json_text_type && facts.tail.extents.size() == 1 && is_utf8(text)) {
    return Record(text);
  }
  const auto number = element_number_type(element_of(type));
  const bool is_number = facts.object.layout == Layout::flat;
  if (!number || (facts.object.layout != Layout::array && !is_number) ||
      facts.payload.size() / number->bytes > most_shown_elements) {
    return std::nullopt;
  }
  const auto element = ElementType::named(element_of(type));
  const auto array = element ? Array::copy_of(ConstRawArray(facts.payload.data(), *element,
                                                            is_number ? Extents() : facts.tail.extents))
                             : Result<Array>(element.error());
  return array ? std::optional(Record(*array)) : std::nullopt;
}

Record list_of(const Extents& extents) {
  Record::List list;
  for (const std::uint64_t extent : extents.span()) {
    list.emplace_back(extent);
  }
  return Record::list(std::move(list));
}

/// Returns the extents that the record has: none, where an array has one by its size.
Extents stored_extents(const StoredFacts& facts) {
  Extents extents = facts.tail.extents;
  extents.rank = facts.object.rank;
  return extents;
}

Record with_facts(Record entry, const StoredFacts& facts, bool is_shown, std::string_view name) {
  const Extents extents = stored_extents(facts);
  entry.set("type", facts.tail.type_name);
  const bool has_elements = facts.words.size_bytes > 0;
  if (extents.rank > 0 && (!is_shown || extents.rank == 1 || !has_elements)) {
    entry.set("extents", list_of(extents));
  }
  if (facts.object.layout != usual_layout(facts.tail.type_name)) {
    entry.set("layout", layout_name(facts.object.layout));
  }
  if (!is_shown && facts.object.layout == Layout::array) {
    entry.set("element_bytes", facts.tail.element_bytes);
  }
  Record object;
  object.set("key", to_string(facts.words.key));
  if (facts.words.generation != 0) {
    object.set("generation", facts.words.generation);
  }
  if (facts.tail.name != usual_name(name)) {
    object.set("name", facts.tail.name);
  }
  if (facts.words.expires_ns != 0) {
    object.set("expires_ns", facts.words.expires_ns);
  }
  if (facts.object.has_checksum()) {
    object.set("checksum", true);
  }
  entry.set("object", std::move(object));
  return entry;
}

/// Returns the entry that shows a value, if what is read of it again is the very record.
std::optional<Record> shown_entry(const StoredFacts& facts, std::span<const std::byte> record,
                                  std::string_view name) {
  auto value = shown_value(facts);
  if (!value) {
    return std::nullopt;
  }
  const Record entry = with_facts(Record::members({{"value", std::move(*value)}}), facts, true, name);
  const auto text = json_text_of(entry, true);
  auto again = text ? read_json(*text) : Result<Record>(text.error());
  const auto same =
      again ? record_of_json_entry(*again, name) : Result<std::vector<std::byte>>(again.error());
  return same && std::ranges::equal(*same, record) ? std::optional(std::move(*again)) : std::nullopt;
}

}  // namespace

Result<Record> json_entry_of(std::span<const std::byte> record, std::string_view name) {
  return format_call([&]() -> Result<Record> {
    const auto facts = read_record(record, record.size());
    if (facts && check_payload(*facts)) {
      if (auto shown = shown_entry(*facts, record, name)) {
        return std::move(*shown);
      }
      const Record entry =
          with_facts(Record::members({{"base64", base64_of(facts->payload)}}), *facts, false, name);
      const auto same = record_of_json_entry(entry, name);
      if (same && std::ranges::equal(*same, record)) {
        return entry;
      }
    }
    return Record::members({{"bytes", base64_of(record)}});
  });
}

}  // namespace locum::storage
