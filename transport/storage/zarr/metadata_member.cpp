#include "transport/storage/zarr/metadata_member.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "core/value/extents_text.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::storage {

namespace {

/// Zarr for Python 2 reads ASCII alone.
JsonOptions zarr_json_options() {
  JsonOptions options;
  options.nan = JsonOptions::Nan::literal;
  options.has_options = false;
  options.ascii = true;
  return options;
}

Error zarr_member_error(Errc code, std::string_view member, std::string_view reason) {
  std::string text = member.empty() ? "the metadata" : "member " + quoted_name(member);
  return Error(code, text.append(member.empty() ? ": the object " : " ").append(reason));
}

}  // namespace

Error wrong_zarr_member(std::string_view member, std::string_view reason) {
  return zarr_member_error(Errc::corrupt, member, reason);
}

Error unsupported_zarr_member(std::string_view member, std::string_view reason) {
  return zarr_member_error(Errc::unsupported, member, reason);
}

Result<Record> read_zarr_json(std::string_view text, std::string_view file) {
  auto value = read_json(text, zarr_json_options());
  if (!value) {
    const Error& error = value.error();
    return Error(error.code(), std::string(file).append(", ").append(error.text()), error.detail());
  }
  if (value->kind() != Record::Kind::members) {
    return Error(Errc::corrupt, std::string(file).append(" is no object of JSON"));
  }
  return value;
}

Result<std::string> zarr_json_text_of(const Record& value) {
  return json_text_of(value, zarr_json_options());
}

Result<Record> zarr_member_of(const Record& object, std::string_view name, std::string_view member) {
  if (const Record* const found = object.members().find(name); found != nullptr) {
    return *found;
  }
  return wrong_zarr_member(member, "has no member \"" + std::string(name) + "\"");
}

Result<void> check_zarr_members(const Record& object, std::span<const std::string_view> known,
                                std::string_view member, bool may_ignore) {
  if (object.kind() != Record::Kind::members) {
    return wrong_zarr_member(member, "is no object");
  }
  for (const auto& [name, value] : object.members()) {
    if (std::ranges::find(known, name) != known.end()) {
      continue;
    }
    const Record& must = value["must_understand"];
    const bool can_be_ignored =
        may_ignore && must.kind() == Record::Kind::boolean && !must.as<bool>().value();
    if (!can_be_ignored) {
      return unsupported_zarr_member(
          member,
          "has a member " + quoted_name(name) +
              ", an extension that this version does not know; store the array without it, or read it "
              "with the program that wrote it");
    }
  }
  return {};
}

Result<void> check_zarr_format(const Record& object, int version) {
  const auto format = zarr_member_of(object, "zarr_format", "");
  if (!format) {
    return format.error();
  }
  const auto number = format->as<std::int64_t>();
  if (!number) {
    return wrong_zarr_member("zarr_format", "is no integer");
  }
  if (*number == version) {
    return {};
  }
  const bool is_other_version = *number == 2 || *number == 3;
  return Error(is_other_version ? Errc::corrupt : Errc::unsupported,
               "member 'zarr_format' is " + std::to_string(*number) + ", and has to be " +
                   std::to_string(version) + " in this file" +
                   (is_other_version ? "; it belongs to another version, or is damaged"
                                     : "; versions 2 and 3 can be read"));
}

Result<Record> zarr_attributes_of(const Record& attributes, std::string_view member) {
  if (attributes.is_null()) {
    return Record::members({});
  }
  return attributes.kind() == Record::Kind::members ? Result<Record>(attributes)
                                                    : wrong_zarr_member(member, "is no object");
}

Result<Extents> zarr_extents_of(const Record& list, std::string_view member, std::uint64_t least) {
  if (list.kind() != Record::Kind::list) {
    return wrong_zarr_member(member, "is no list of integers");
  }
  if (list.size() > max_rank) {
    return unsupported_zarr_member(member, "has " + std::to_string(list.size()) +
                                               " dimensions; arrays here have at most " +
                                               std::to_string(max_rank));
  }
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  Extents extents;
  extents.rank = static_cast<std::uint8_t>(list.size());
  for (std::size_t at = 0; at < list.size(); ++at) {
    const auto extent = list[at].as<std::uint64_t>();
    if (!extent || *extent < least || *extent > most) {
      return wrong_zarr_member(std::string(member).append("/").append(std::to_string(at)),
                               "is no integer of " + std::to_string(least) + " to 2^63 - 1");
    }
    extents.values[at] = *extent;
  }
  return extents;
}

Record zarr_list_of(const Extents& extents) {
  Record::List list;
  for (const std::uint64_t extent : extents.span()) {
    list.emplace_back(extent);
  }
  return Record::list(std::move(list));
}

Result<std::uint64_t> zarr_bytes_of(const Extents& extents, std::size_t element_bytes,
                                    std::string_view member) {
  constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
  std::uint64_t bytes = element_bytes;
  for (const std::uint64_t extent : extents.span()) {
    if (extent != 0 && (__builtin_mul_overflow(bytes, extent, &bytes) || bytes > most)) {
      return unsupported_zarr_member(member, "asks for " + extents_text(extents) +
                                                 " elements, which need 2^63 bytes or more; the metadata are "
                                                 "damaged, or made to do harm");
    }
  }
  return bytes;
}

Result<ZarrExtension> zarr_extension_of(const Record& described, std::string_view member) {
  if (described.kind() == Record::Kind::text) {
    return ZarrExtension{std::string(described.text()), Record::members({})};
  }
  constexpr std::array<std::string_view, 3> known{"name", "configuration", "must_understand"};
  if (auto checked = check_zarr_members(described, known, member); !checked) {
    return checked.error();
  }
  if (described["name"].kind() != Record::Kind::text) {
    return wrong_zarr_member(member, "has no member \"name\" that is a text");
  }
  if (const Record& must = described["must_understand"];
      !must.is_null() && must.kind() != Record::Kind::boolean) {
    return wrong_zarr_member(member, "has a member \"must_understand\" that is neither true nor false");
  }
  const Record* const configuration = described.members().find("configuration");
  if (configuration != nullptr && configuration->kind() != Record::Kind::members) {
    return wrong_zarr_member(member, "has a member \"configuration\" that is no object");
  }
  return ZarrExtension{std::string(described["name"].text()),
                       configuration == nullptr ? Record::members({}) : *configuration};
}

Record zarr_extension_record(std::string_view name, Record configuration) {
  Record record = Record::members({{"name", Record(name)}});
  if (configuration.size() != 0) {
    record.set("configuration", std::move(configuration));
  }
  return record;
}

}  // namespace locum::storage
