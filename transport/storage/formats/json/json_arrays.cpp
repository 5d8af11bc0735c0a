#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "transport/storage/formats/json/json_text.hpp"

namespace locum::storage {

namespace {

/// Numbers of one type, as the elements of an array.
struct JsonBlock {
  enum class Type : std::uint8_t { i64, u64, f64 };
  Type type = Type::i64;
  Extents extents;
  std::vector<std::uint64_t> words;  ///< the bits of the elements
};

/// A value, or the array that it becomes.
struct JsonPart {
  Record value;
  std::optional<JsonBlock> block;
};

/// One number as an element.
struct JsonElement {
  JsonBlock::Type type;
  std::uint64_t word;
};

std::optional<JsonElement> json_element(const Record& value) {
  if (value.kind() == Record::Kind::real) {
    return JsonElement{JsonBlock::Type::f64, std::bit_cast<std::uint64_t>(*value.as<double>())};
  }
  if (value.kind() != Record::Kind::integer) {
    return {};
  }
  if (const auto with_sign = value.as<std::int64_t>()) {
    return JsonElement{JsonBlock::Type::i64, static_cast<std::uint64_t>(*with_sign)};
  }
  return JsonElement{JsonBlock::Type::u64, *value.as<std::uint64_t>()};
}

/// Returns an element of another type; nothing if that does not hold it exactly.
std::optional<std::uint64_t> json_converted(JsonElement element, JsonBlock::Type type) {
  if (element.type == type) {
    return element.word;
  }
  const bool is_negative = element.type == JsonBlock::Type::i64 && element.word >> 63U != 0;
  if (type == JsonBlock::Type::u64) {
    return is_negative ? std::nullopt : std::optional(element.word);
  }
  const std::uint64_t magnitude = is_negative ? 0 - element.word : element.word;
  const int unused_bits = magnitude == 0 ? 64 : std::countl_zero(magnitude) + std::countr_zero(magnitude);
  if (64 - unused_bits > std::numeric_limits<double>::digits) {
    return {};
  }
  const auto real = static_cast<double>(magnitude);
  return std::bit_cast<std::uint64_t>(is_negative ? -real : real);
}

/// Appends the elements of a block to one of another type. Returns false if that does not hold one of them
/// exactly.
bool json_append(JsonBlock& to, const JsonBlock& from) {
  for (const std::uint64_t word : from.words) {
    const auto converted = json_converted({from.type, word}, to.type);
    if (!converted) {
      return false;
    }
    to.words.push_back(*converted);
  }
  return true;
}

/// Makes one dimension of a list of numbers; nothing if it has another value, or no type holds all.
std::optional<JsonBlock> json_row(const Record::List& list) {
  JsonBlock row;
  for (const Record& value : list) {
    const auto element = json_element(value);
    if (!element) {
      return {};
    }
    row.type = std::max(row.type, element->type);
  }
  row.words.reserve(list.size());
  for (const Record& value : list) {
    const auto word = json_converted(*json_element(value), row.type);
    if (!word) {
      return {};
    }
    row.words.push_back(*word);
  }
  row.extents = Extents(list.size());
  return list.empty() ? std::nullopt : std::optional(std::move(row));
}

/// Makes one block of the values of a list; nothing if they differ in their extents, or no type holds all.
std::optional<JsonBlock> json_joined(std::vector<JsonPart>& parts) {
  if (parts.empty() || !parts.front().block || parts.front().block->extents.size() == max_rank) {
    return {};
  }
  const Extents inner = parts.front().block->extents;
  JsonBlock joined;
  for (const JsonPart& part : parts) {
    if (!part.block || !(part.block->extents == inner)) {
      return {};
    }
    joined.type = std::max(joined.type, part.block->type);
  }
  joined.words.reserve(parts.size() * parts.front().block->words.size());
  for (const JsonPart& part : parts) {
    if (!json_append(joined, *part.block)) {
      return {};
    }
  }
  joined.extents.rank = static_cast<std::uint8_t>(inner.size() + 1);
  joined.extents.values[0] = parts.size();
  std::ranges::copy(inner.span(), joined.extents.values.begin() + 1);
  return joined;
}

class JsonArrays {
 public:
  explicit JsonArrays(const MakeArray& make) : make_(make) {}

  [[nodiscard]] Result<JsonPart> part_of(const Record& value) {
    if (value.kind() == Record::Kind::members) {
      RecordMembers members;
      for (const auto& [name, member] : value.members()) {
        auto converted = whole(member);
        if (!converted) {
          return converted.error();
        }
        members.set(name, std::move(*converted));
      }
      return JsonPart{.value = Record(std::move(members)), .block = {}};
    }
    if (value.kind() != Record::Kind::list) {
      return JsonPart{.value = value, .block = {}};
    }
    if (auto row = json_row(value.list())) {
      return JsonPart{.value = {}, .block = std::move(row)};
    }
    std::vector<JsonPart> parts;
    for (const Record& one : value.list()) {
      auto part = part_of(one);
      if (!part) {
        return part;
      }
      parts.push_back(std::move(*part));
    }
    if (auto joined = json_joined(parts)) {
      return JsonPart{.value = {}, .block = std::move(joined)};
    }
    Record::List list;
    for (JsonPart& part : parts) {
      auto one = finished(std::move(part));
      if (!one) {
        return one.error();
      }
      list.push_back(std::move(*one));
    }
    return JsonPart{.value = Record::list(std::move(list)), .block = {}};
  }

  [[nodiscard]] Result<Record> whole(const Record& value) {
    auto part = part_of(value);
    return part ? finished(std::move(*part)) : part.error();
  }

 private:
  /// Makes the array of a block.
  [[nodiscard]] Result<Record> finished(JsonPart part) {
    if (!part.block) {
      return std::move(part.value);
    }
    const JsonBlock& block = *part.block;
    auto draft = make_(block.type == JsonBlock::Type::i64   ? ElementType::of<std::int64_t>()
                       : block.type == JsonBlock::Type::u64 ? ElementType::of<std::uint64_t>()
                                                            : ElementType::of<double>(),
                       block.extents);
    if (!draft) {
      return draft.error();
    }
    std::memcpy(draft->bytes().data(), block.words.data(), block.words.size() * sizeof(std::uint64_t));
    return Record(std::move(*draft).finish());
  }

  const MakeArray& make_;
};

}  // namespace

Result<Record> json_with_arrays(const Record& value, const MakeArray& make) {
  return JsonArrays(make).whole(value);
}

}  // namespace locum::storage
