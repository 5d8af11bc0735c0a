#include "transport/storage/formats/text/format_options.hpp"

#include <algorithm>
#include <utility>

namespace locum::storage {

Error wrong_option(std::string_view name, std::string_view need) {
  return Error(Errc::invalid_argument,
               "the option '" + std::string(name) + "' of the format has to be " + std::string(need));
}

Result<bool> FormatOptions::flag(std::string_view name, bool otherwise) const {
  if (!has(name)) {
    return otherwise;
  }
  auto value = options_[name].as<bool>();
  return value ? value : wrong_option(name, "true or false");
}

Result<std::uint64_t> FormatOptions::count(std::string_view name, std::uint64_t otherwise) const {
  if (!has(name)) {
    return otherwise;
  }
  auto value = options_[name].as<std::uint64_t>();
  return value ? value : wrong_option(name, "an integer that is not negative");
}

Result<std::string> FormatOptions::text(std::string_view name, std::string_view otherwise) const {
  if (!has(name)) {
    return std::string(otherwise);
  }
  auto value = options_[name].as<std::string>();
  return value ? value : wrong_option(name, "a text");
}

Result<std::string> FormatOptions::word(std::string_view name, const std::vector<std::string_view>& words,
                                        std::string_view otherwise) const {
  auto value = text(name, otherwise);
  if (!value || std::ranges::find(words, *value) != words.end()) {
    return value;
  }
  std::string need = "one of";
  for (const std::string_view word : words) {
    need.append(need.size() == 6 ? " '" : ", '").append(word).append("'");
  }
  return wrong_option(name, need);
}

Result<std::vector<std::string>> FormatOptions::texts(std::string_view name,
                                                      std::vector<std::string> otherwise) const {
  if (!has(name)) {
    return otherwise;
  }
  const Record& list = options_[name];
  std::vector<std::string> texts;
  for (const Record& one : list.list()) {
    if (one.kind() != Record::Kind::text) {
      return wrong_option(name, "a list of texts");
    }
    texts.emplace_back(one.text());
  }
  if (list.kind() != Record::Kind::list) {
    return wrong_option(name, "a list of texts");
  }
  return texts;
}

Result<bool> FormatOptions::is_latin1() const {
  const auto encoding = word("encoding", {"utf-8", "latin-1"}, "utf-8");
  if (!encoding) {
    return encoding.error();
  }
  return *encoding == "latin-1";
}

}  // namespace locum::storage
