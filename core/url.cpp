#include "core/url.hpp"

#include <algorithm>
#include <charconv>

#include "core/value/error.hpp"

namespace locum {

namespace {

constexpr std::size_t longest_url = 64 * 1024;
/// So that no URL can make the stack overflow: wrappers call one another, and so does what reads and opens
/// URLs that are options of URLs.
constexpr std::size_t most_wrappers = 16;
constexpr int deepest_url = 8;

Error wrong(const std::string& why) {
  return Error(Errc::invalid_argument, "the URL " + why + "; write scheme://host:port/path?option=value");
}

Error secret_in_url() {
  return wrong(
      "has a password or a key in it, which logs would show; name where it is: ?password=env:NAME, "
      "file:PATH or keyring:NAME");
}

Error too_deep() {
  return wrong("has options that are URLs with such options, more than 8 deep");
}

bool is_letter_or_digit(char byte) noexcept {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9');
}

Result<std::string> decoded(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      plain += text[at];
      continue;
    }
    unsigned byte = 0;
    if (text.size() - at < 3) {
      return wrong("ends within a % and its two digits");
    }
    const char* const first = text.data() + at + 1;
    if (std::from_chars(first, first + 2, byte, 16).ptr != first + 2) {
      return wrong("has a % without two hexadecimal digits behind it");
    }
    plain += static_cast<char>(byte);
    at += 2;
  }
  if (plain.find('\0') != std::string::npos) {
    return wrong("has a zero byte in it, which would end a name of the system");
  }
  return plain;
}

std::string encoded(std::string_view plain, std::string_view also) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string text;
  for (const char byte : plain) {
    if (is_letter_or_digit(byte) || std::string_view("-._~").find(byte) != std::string_view::npos ||
        also.find(byte) != std::string_view::npos) {
      text += byte;
    } else {
      text += '%';
      text += digits[static_cast<unsigned char>(byte) >> 4U];
      text += digits[static_cast<unsigned char>(byte) & 0xFU];
    }
  }
  return text;
}

// "zstd+redis"
Result<void> read_schemes(std::string_view text, Url& url) {
  while (true) {
    const std::size_t plus = text.find('+');
    std::string one(text.substr(0, plus));
    std::ranges::transform(one, one.begin(), [](char byte) {
      return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
    });
    const bool is_name = !one.empty() && std::ranges::all_of(one, [](char byte) {
      return is_letter_or_digit(byte) || byte == '-' || byte == '.';
    });
    if (!is_name) {
      return wrong("has no scheme, such as file:/scratch/run17 for a folder has");
    }
    if (plus == std::string_view::npos) {
      url.scheme = std::move(one);
      return {};
    }
    if (url.wrappers.size() == most_wrappers) {
      return wrong("has more than 16 wrappers");
    }
    url.wrappers.push_back(std::move(one));
    text.remove_prefix(plus + 1);
  }
}

// "user@[::1]:6379"
Result<void> read_authority(std::string_view text, Url& url) {
  if (const std::size_t at = text.rfind('@'); at != std::string_view::npos) {
    const std::string_view user = text.substr(0, at);
    if (user.find(':') != std::string_view::npos) {
      return secret_in_url();
    }
    auto name = decoded(user);
    if (!name) {
      return name.error();
    }
    url.user = std::move(*name);
    text.remove_prefix(at + 1);
  }
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos || (end + 1 < text.size() && text[end + 1] != ':')) {
      return wrong("has an address with brackets that are not closed");
    }
    auto host = decoded(text.substr(1, end - 1));
    if (!host) {
      return host.error();
    }
    url.host = std::move(*host);
    port = text.substr(std::min(text.size(), end + 2));
  } else {
    const std::size_t colon = text.find(':');
    auto host = decoded(text.substr(0, colon));
    if (!host) {
      return host.error();
    }
    url.host = std::move(*host);
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  }
  if (!port.empty()) {
    const auto read = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (read.ec != std::errc() || read.ptr != port.data() + port.size() || url.port == 0) {
      return wrong("has a port that is no number from 1 to 65535");
    }
  }
  return {};
}

bool is_reference(std::string_view value) noexcept {
  return value.starts_with("env:") || value.starts_with("file:") || value.starts_with("keyring:");
}

bool are_references(std::string_view values) {  // with commas between
  while (true) {
    const std::size_t comma = values.find(',');
    if (!is_reference(values.substr(0, comma))) {
      return false;
    }
    if (comma == std::string_view::npos) {
      return true;
    }
    values.remove_prefix(comma + 1);
  }
}

// Of a value that is no URL, but may be meant as one.
bool may_show_secret(std::string_view value) {
  return value.find("password") != std::string_view::npos ||
         value.find("encrypt.") != std::string_view::npos ||
         (value.find("//") != std::string_view::npos && value.find('@') != std::string_view::npos);
}

Result<Url> read_url(std::string_view text, int depth);

// Also of options that no backend of this library has: a program's own may, and a name may be misspelt.
bool names_secret(std::string_view option) {
  return option.find("pass") != std::string_view::npos || option.find("secret") != std::string_view::npos ||
         option.find("token") != std::string_view::npos || option.starts_with("encrypt.key");
}

// An option's value may be a URL again. What else is wrong with that one is said when it is opened.
Result<void> check_option(std::string_view name, std::string_view value, int depth) {
  const bool is_secret = names_secret(name);
  const bool is_key = value.find("PRIVATE KEY") != std::string_view::npos;  // in place of its file's path
  if (is_key || (is_secret && !is_reference(value)) ||
      (name.starts_with("encrypt.old") && !are_references(value))) {
    return secret_in_url();
  }
  if (is_secret || value.find(':') == std::string_view::npos) {
    return {};
  }
  const auto inner = depth == deepest_url ? Result<Url>(too_deep()) : read_url(value, depth + 1);
  if (!inner && inner.error().text() == too_deep().text()) {
    return inner.error();
  }
  const bool shows = !inner && (inner.error().text() == secret_in_url().text() || may_show_secret(value));
  return shows ? Result<void>(secret_in_url()) : Result<void>();
}

Result<void> read_options(std::string_view text, Url& url, int depth) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view one = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const std::size_t equal = one.find('=');
    auto name = decoded(one.substr(0, equal));
    auto value = decoded(equal == std::string_view::npos ? std::string_view() : one.substr(equal + 1));
    if (!name || !value) {
      return !name ? name.error() : value.error();
    }
    if (name->empty()) {
      return wrong("has an option without a name");
    }
    if (std::ranges::any_of(url.options, [&](const auto& other) { return other.first == *name; })) {
      return wrong("gives the option '" + *name + "' twice");
    }
    if (auto allowed = check_option(*name, *value, depth); !allowed) {
      return allowed.error();
    }
    url.options.emplace_back(std::move(*name), std::move(*value));
  }
  return {};
}

Result<Url> read_url(std::string_view text, int depth) {
  if (text.size() > longest_url) {
    return wrong("is longer than 64 KiB");
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return wrong("has no scheme, such as file:/scratch/run17 for a folder has");
  }
  Url url;
  if (auto read = read_schemes(text.substr(0, colon), url); !read) {
    return read.error();
  }
  text.remove_prefix(colon + 1);
  const std::size_t question = std::min(text.find('?'), text.size());
  std::string_view place = text.substr(0, question);
  if (place.starts_with("//")) {
    place.remove_prefix(2);
    const std::size_t slash = std::min(place.find('/'), place.size());
    if (auto read = read_authority(place.substr(0, slash), url); !read) {
      return read.error();
    }
    place.remove_prefix(slash);
  }
  auto path = decoded(place);
  if (!path) {
    return path.error();
  }
  url.path = std::move(*path);
  if (auto read = read_options(text.substr(std::min(text.size(), question + 1)), url, depth); !read) {
    return read.error();
  }
  return url;
}

}  // namespace

std::string_view Url::option(std::string_view name) const noexcept {
  for (const auto& [known, value] : options) {
    if (known == name) {
      return value;
    }
  }
  return {};
}

Result<std::uint64_t> Url::number(std::string_view name, std::uint64_t otherwise) const {
  const std::string_view text = option(name);
  if (text.empty()) {
    return otherwise;
  }
  std::uint64_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size()) {
    return wrong("gives the option '" + std::string(name) + "' a value that is no number");
  }
  return value;
}

Result<bool> Url::flag(std::string_view name, bool otherwise) const {
  const auto value = number(name, otherwise ? 1 : 0);
  if (value && *value > 1) {
    return Error(Errc::invalid_argument, scheme + ": takes 0 or 1 as '" + std::string(name) + "'");
  }
  return value ? Result<bool>(*value == 1) : value.error();
}

Result<void> Url::knows_only(std::vector<std::string_view> names) const {
  for (const auto& [name, value] : options) {
    if (std::ranges::find(names, name) == names.end()) {
      std::string known;
      for (const std::string_view one : names) {
        known += known.empty() ? "" : ", ";
        known += one;
      }
      return Error(Errc::invalid_argument, scheme + ": has no option '" + name + "'; it has " +
                                               (known.empty() ? std::string("none") : known));
    }
  }
  return {};
}

Result<Url> parse_url(std::string_view text) {
  return read_url(text, 1);
}

std::string to_string(const Url& url) {
  std::string text;
  for (const std::string& wrapper : url.wrappers) {
    text += wrapper + '+';
  }
  text += url.scheme + ':';
  const bool has_host = !url.host.empty() || !url.user.empty() || url.port != 0;
  if (has_host || url.path.starts_with('/')) {
    text += "//";
  }
  if (!url.user.empty()) {
    text += encoded(url.user, {}) + '@';
  }
  const bool is_v6 = url.host.find(':') != std::string::npos;
  text += is_v6 ? '[' + encoded(url.host, ":") + ']' : encoded(url.host, {});
  if (url.port != 0) {
    text += ':' + std::to_string(url.port);
  }
  text += encoded(url.path, "/:,=+@");
  char before = '?';
  for (const auto& [name, value] : url.options) {
    text += before + encoded(name, {}) + '=' + encoded(value, "/:,+@");
    before = '&';
  }
  return text;
}

}  // namespace locum
