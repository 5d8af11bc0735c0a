#include "transport/storage/codecs/codec_description.hpp"

#include <algorithm>

#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

// numcodecs 0.14 and later write null for a member of version 2 that was left out.
bool CodecDescription::has(std::string_view name) const noexcept {
  const Record* const found = members_.members().find(name);
  return found != nullptr && !(form_ == CodecForm::v2 && found->is_null());
}

Error CodecDescription::wrong(std::string_view name, const std::string& expected) const {
  return Error(Errc::invalid_argument,
               std::string(codec_) + ": " + std::string(name) + " must be " + expected);
}

Error CodecDescription::is_missing(std::string_view name) const {
  return Error(Errc::invalid_argument, std::string(codec_) + ": its description has no " + std::string(name));
}

Result<void> CodecDescription::knows_only(std::initializer_list<std::string_view> names) const {
  if (!members_.is_null() && members_.kind() != Record::Kind::members) {
    return Error(Errc::invalid_argument, std::string(codec_) + ": its description must be members");
  }
  for (const auto& [name, value] : members_.members()) {
    if (std::ranges::find(names, std::string_view(name)) == names.end()) {
      std::string all;
      for (const std::string_view known : names) {
        all.append(all.empty() ? "has " : ", ").append(known);
      }
      return Error(Errc::invalid_argument, std::string(codec_) + ": has no member " + quoted_name(name) +
                                               "; it " + (all.empty() ? "has none" : all));
    }
  }
  return {};
}

Result<std::int64_t> CodecDescription::integer(std::string_view name, std::int64_t least, std::int64_t most,
                                               const MissingMember<std::int64_t>& missing) const {
  if (!has(name)) {
    return missing.in(form_) ? Result<std::int64_t>(*missing.in(form_)) : is_missing(name);
  }
  const auto value = members_[name].as<std::int64_t>();
  return value && *value >= least && *value <= most
             ? value
             : wrong(name, "an integer from " + std::to_string(least) + " to " + std::to_string(most));
}

Result<bool> CodecDescription::boolean(std::string_view name, const MissingMember<bool>& missing) const {
  if (!has(name)) {
    return missing.in(form_) ? Result<bool>(*missing.in(form_)) : is_missing(name);
  }
  const auto value = members_[name].as<bool>();
  return value ? value : wrong(name, "true or false");
}

Result<std::size_t> CodecDescription::choice(std::string_view name,
                                             std::initializer_list<std::string_view> choices,
                                             const MissingMember<std::size_t>& missing) const {
  if (!has(name)) {
    return missing.in(form_) ? Result<std::size_t>(*missing.in(form_)) : is_missing(name);
  }
  const Record& value = members_[name];
  const auto* const found = std::ranges::find(choices, value.text());
  if (value.kind() == Record::Kind::text && found != choices.end()) {
    return static_cast<std::size_t>(found - choices.begin());
  }
  std::string all;
  for (const std::string_view one : choices) {
    all.append(all.empty() ? "" : ", ").append(one);
  }
  return wrong(name, "one of " + all);
}

Record description_of_codec(int version, std::string_view name, std::string_view id,
                            const RecordMembers& members) {
  Record made = Record::members({{version == 2 ? "id" : "name", version == 2 ? id : name}});
  if (version == 2) {
    for (const auto& [member, value] : members) {
      made.set(member, value);
    }
  } else if (!members.empty() || name.starts_with("numcodecs.")) {
    made.set("configuration", members);
  }
  return made;
}

}  // namespace locum::storage
