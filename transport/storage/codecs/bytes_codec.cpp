#include "transport/storage/codecs/bytes_codec.hpp"

#include <algorithm>
#include <charconv>
#include <string>

#include "transport/storage/backend_list.hpp"
#include "transport/storage/codecs/codec_list.hpp"
#include "transport/storage/formats/npy/npy_text.hpp"

namespace locum::storage {

namespace {

using MadeCodec = Result<std::unique_ptr<BytesCodec>>;
constexpr std::string_view numcodecs_prefix = "numcodecs.";

const KnownCodec* find_codec(std::string_view name) {
  const auto& known = known_codecs();
  const auto found = std::ranges::find(known, name, &KnownCodec::name);
  return found == known.end() ? nullptr : &*found;
}

Error unknown_codec(std::string_view name) {
  std::string all;
  for (const KnownCodec& one : known_codecs()) {
    all.append(all.empty() ? "" : ", ").append(one.name);
  }
  return Error(Errc::unsupported, "no codec has the name " + quoted_name(name) + "; there are " + all);
}

Error left_out_codec(const KnownCodec& codec) {
  return not_in_build("the codec " + std::string(codec.name), codec.option, codec.package);
}

/// Makes a codec, where this build has it.
MadeCodec made_codec(const KnownCodec& codec, CodecForm form, const Record& members,
                     std::size_t element_bytes) {
  return codec.traits == nullptr ? left_out_codec(codec)
                                 : codec.traits->make(CodecDescription(
                                       codec.name, form, members, std::max<std::size_t>(1, element_bytes)));
}

std::string_view without_blanks(std::string_view text) noexcept {
  const auto is_blank = [](char letter) { return letter == ' ' || letter == '\t'; };
  while (!text.empty() && is_blank(text.front())) {
    text.remove_prefix(1);
  }
  while (!text.empty() && is_blank(text.back())) {
    text.remove_suffix(1);
  }
  return text;
}

Record value_of_argument(std::string_view text) {
  std::int64_t number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  return read.ec == std::errc() && read.ptr == text.data() + text.size() ? Record(number)
         : text == "true" || text == "false"                             ? Record(text == "true")
                                                                         : Record(text);
}

/// Reads `lz4, 5, blocksize=4096`: values of the first members, in their order, then those of named ones.
Result<Record> members_of_arguments(std::string_view arguments, const std::vector<std::string_view>& order) {
  Record members = Record::members({});
  const auto wrong = [](const std::string& reason) { return Error(Errc::invalid_argument, reason); };
  bool has_names = false;
  bool has_more = !arguments.empty();
  for (std::size_t position = 0; has_more; ++position) {
    const std::size_t comma = arguments.find(',');
    const std::string_view argument = without_blanks(arguments.substr(0, comma));
    has_more = comma != std::string_view::npos;
    arguments.remove_prefix(has_more ? comma + 1 : arguments.size());
    const std::size_t equals = argument.find('=');
    has_names = has_names || equals != std::string_view::npos;
    if (has_names && equals == std::string_view::npos) {
      return wrong(quoted_name(argument) + " has no name, and follows values with names");
    }
    if (!has_names && position >= order.size()) {
      return wrong(order.empty() ? "it has no values" : "it has too many values");
    }
    const std::string_view name = has_names ? without_blanks(argument.substr(0, equals)) : order[position];
    const std::string_view value = has_names ? without_blanks(argument.substr(equals + 1)) : argument;
    if (name.empty() || value.empty()) {
      return wrong("a value is empty");
    }
    if (members.members().find(name) != nullptr) {
      return wrong(quoted_name(name) + " is given twice");
    }
    members.set(name, value_of_argument(value));
  }
  return members;
}

/// Returns the members in the parentheses of a program's text. \param rest behind the name
Result<Record> members_of_text(std::string_view rest, const std::vector<std::string_view>& order) {
  if (rest.empty()) {
    return Record();
  }
  if (rest.size() < 2 || rest.back() != ')') {
    return Error(Errc::invalid_argument, "its ( has no ) at the end");
  }
  return members_of_arguments(without_blanks(rest.substr(1, rest.size() - 2)), order);
}

}  // namespace

Result<std::unique_ptr<BytesCodec>> bytes_codec_of_v2(const Record& described, std::size_t element_bytes) {
  const Record& id = described["id"];
  if (described.kind() != Record::Kind::members || id.kind() != Record::Kind::text) {
    return Error(Errc::invalid_argument, "a codec of version 2 must be members with the text id");
  }
  const KnownCodec* const codec = find_codec(id.text());
  if (codec == nullptr) {
    return unknown_codec(id.text());
  }
  Record members = described;
  members.remove("id");
  return made_codec(*codec, CodecForm::v2, members, element_bytes);
}

Result<std::unique_ptr<BytesCodec>> bytes_codec_of_v3(const Record& described, std::size_t element_bytes) {
  const bool is_name = described.kind() == Record::Kind::text;  // a codec without a configuration may be one
  const Record& name = is_name ? described : described["name"];
  if (name.kind() != Record::Kind::text) {
    return Error(Errc::invalid_argument, "a codec of version 3 must be members with the text name");
  }
  const bool is_of_numcodecs = name.text().starts_with(numcodecs_prefix);
  const KnownCodec* const codec =
      find_codec(is_of_numcodecs ? name.text().substr(numcodecs_prefix.size()) : name.text());
  // A codec that is in version 3 has two names there: files with `numcodecs.zstd` exist.
  if (codec == nullptr || (!is_of_numcodecs && codec->traits != nullptr && !codec->traits->is_in_v3)) {
    return unknown_codec(name.text());
  }
  for (const auto& [member, value] : described.members()) {
    const bool is_known = member == "name" || member == "configuration" ||
                          (member == "must_understand" && value.kind() == Record::Kind::boolean);
    if (!is_known) {
      return Error(Errc::invalid_argument, std::string(codec->name) + ": a codec of version 3 has name and " +
                                               "configuration, and no " + quoted_name(member));
    }
  }
  return made_codec(*codec, is_of_numcodecs ? CodecForm::v2 : CodecForm::v3, described["configuration"],
                    element_bytes);
}

Result<std::unique_ptr<BytesCodec>> bytes_codec_of_text(std::string_view text, std::size_t element_bytes,
                                                        int version) {
  text = without_blanks(text);
  const std::size_t name_bytes = std::min(text.find('('), text.size());
  const std::string_view name = without_blanks(text.substr(0, name_bytes));
  const KnownCodec* const codec = find_codec(name);
  if (codec == nullptr || codec->traits == nullptr) {
    return codec == nullptr ? unknown_codec(name) : left_out_codec(*codec);
  }
  const auto members = members_of_text(text.substr(name_bytes), codec->traits->positional);
  auto made = members ? made_codec(*codec, version == 3 ? CodecForm::text_of_v3 : CodecForm::text, *members,
                                   element_bytes)
                      : members.error();
  if (made || made.error().code() != Errc::invalid_argument) {
    return made;
  }
  return Error(Errc::invalid_argument, "codec " + quoted_name(text) + ": " + made.error().text() +
                                           "; the form is " + std::string(codec->traits->form));
}

}  // namespace locum::storage
