// Tables of stores: the file, and what it says. The parser is toml++, whose errors quote the text: only where
// they are is told of them, so that a secret that stands there is not shown.

#include "transport/storage/configuration.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "core/base/quantity.hpp"
#include "core/url.hpp"
#include "transport/storage/file_calls.hpp"
#include "transport/storage/open.hpp"

#if LOCUM_WITH_TOML
// The parser asserts what it then looks at itself: "[)" would end the process, and with NDEBUG clang would
// believe that it cannot come, and drop the look.
#undef NDEBUG
// NOLINTBEGIN(readability-identifier-naming): the parser's own
#define TOML_ASSERT(expr) static_assert(true)
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
#define TOML_HEADER_ONLY 1
// NOLINTEND(readability-identifier-naming)
#include <toml++/toml.h>
#endif

namespace locum {

namespace {

constexpr std::size_t most_bytes = std::size_t{1} << 20U;

#if LOCUM_WITH_TOML

Error too_large(std::string_view name) {
  return Error(Errc::invalid_argument,
               std::string(name) + ": a configuration of stores has at most 1 MiB, this one has more");
}

// A table within a table takes a dot, or is one of 256 values within values, which is where the parser ends:
// so this bounds how deep its calls go, and those that free what it made.
constexpr std::ptrdiff_t most_dots = 4096;

Error wrong(const std::string& why) {
  return Error(Errc::invalid_argument, why);
}

// Of keys, which may be as long as the text.
std::string shown(std::string_view name) {
  constexpr std::size_t most = 128;
  return name.size() <= most ? std::string(name) : std::string(name.substr(0, most)) + "…";
}

// More than 0: what is not bounded, or lasts for ever, is not given.
Result<std::uint64_t> read_quantity(const toml::node& value, std::span<const Unit> units,
                                    const std::string& takes) {
  const auto text = value.value_exact<std::string_view>();
  const auto quantity = text ? parse_quantity(*text, units) : std::nullopt;
  return quantity && *quantity > 0 ? Result<std::uint64_t>(*quantity) : wrong("takes " + takes);
}

Result<void> read_bytes(const toml::node& value, std::uint64_t& into) {
  const auto bytes = read_quantity(value, units_of_bytes,
                                   "a text of a number above 0 and B, KiB, MiB, GiB or TiB, as \"4 GiB\"");
  if (!bytes) {
    return bytes.error();
  }
  into = *bytes;
  return {};
}

Result<void> read_time(const toml::node& value, std::chrono::milliseconds& into) {
  const auto count =
      read_quantity(value, units_of_milliseconds,
                    "a text of a number above 0 and ms, s, min, h, day or days, as \"3 days\"");
  if (!count) {
    return count.error();
  }
  if (*count > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {
    return wrong("takes no time as long as that");
  }
  into = std::chrono::milliseconds(static_cast<std::int64_t>(*count));
  return {};
}

Result<void> read_count(const toml::node& value, std::uint64_t& into) {
  const auto count = value.value_exact<std::int64_t>();
  if (!count || *count <= 0) {
    return wrong("takes a whole number above 0");
  }
  into = static_cast<std::uint64_t>(*count);
  return {};
}

Result<void> read_flag(const toml::node& value, bool& into) {
  const auto flag = value.value_exact<bool>();
  if (!flag) {
    return wrong("takes true or false");
  }
  into = *flag;
  return {};
}

// The text stays in the table.
Result<void> read_connector(const toml::node& value, std::string_view& into) {
  const auto text = value.value_exact<std::string_view>();
  if (!text || text->empty()) {
    return wrong("takes a text, the URL of a backend; without it a store is in the memory of the nodes");
  }
  if (const auto url = parse_url(*text); !url) {
    return url.error();
  }
  into = *text;
  return {};
}

Result<void> read_field(std::string_view field, const toml::node& value, StoreOptions& options) {
  if (field == "connector") {
    return read_connector(value, options.connector);
  }
  if (field == "timeout") {
    return read_time(value, options.timeout);
  }
  if (field == "keep_decoded") {
    return read_flag(value, options.keep_decoded);
  }
  if (field == "decoded_cache_bytes") {
    return read_bytes(value, options.decoded_cache_bytes);
  }
  if (field == "decoded_cache_values") {
    return read_count(value, options.decoded_cache_values);
  }
  if (field == "checksum") {
    return read_flag(value, options.checksum);
  }
  if (field == "memory_bytes") {
    return read_bytes(value, options.memory_bytes);
  }
  if (field == "lifetime") {
    const auto read = read_time(value, options.lifetime);
    return read ? check({.lifetime = options.lifetime}) : read;
  }
  return wrong(
      "is no option of a store; there are connector, timeout, keep_decoded, decoded_cache_bytes, "
      "decoded_cache_values, checksum, memory_bytes and lifetime");
}

/// Reads the tables of one text. Its errors say where they are.
class Tables {
 public:
  explicit Tables(std::string_view name) : name_(name) {}

  [[nodiscard]] Error at(const toml::source_region& where, const std::string& why) const {
    return wrong(name_ + ":" + std::to_string(where.begin.line) + ": " + why);
  }

  // "Error while parsing table header: …", and then what the text says.
  [[nodiscard]] Error syntax(const toml::parse_error& error) const {
    const std::string_view text = error.description();
    if (text.find("redefine") != std::string_view::npos) {
      return at(error.source(), "this is given a second time; name each store and each field once");
    }
    constexpr std::string_view beginning = "Error while parsing ";
    const std::size_t end = text.find(':');
    const bool says_what = text.starts_with(beginning) && end != std::string_view::npos;
    return at(error.source(),
              "this is not TOML, at column " + std::to_string(error.source().begin.column) +
                  (says_what ? " (" + std::string(text.substr(beginning.size(), end - beginning.size())) + ")"
                             : std::string()) +
                  "; write name = \"text\" or name = true below [stores.NAME]");
  }

  [[nodiscard]] Result<void> read(const toml::table& root, Configuration& into) const {
    for (const auto& [key, value] : root) {
      if (key.str() == "experiments") {
        if (auto read = read_experiments_table(key, value, into); !read) {
          return read;
        }
        continue;
      }
      if (key.str() != "stores") {
        return at(key.source(),
                  "there is no '" + shown(key.str()) + "'; tables are [stores.NAME] and [experiments]");
      }
      const toml::table* const stores = value.as_table();
      if (stores == nullptr) {
        return at(key.source(), "'stores' is no table; write [stores.NAME]");
      }
      for (const auto& [name, table] : *stores) {
        if (auto read = read_store(name, table, into); !read) {
          return read;
        }
      }
    }
    return {};
  }

 private:
  [[nodiscard]] Result<void> read_experiments_table(const toml::key& name, const toml::node& value,
                                                    Configuration& into) const {
    const toml::table* const table = value.as_table();
    if (table == nullptr) {
      return at(name.source(), "'experiments' is no table; write [experiments], and url = \"file:…\" below");
    }
    for (const auto& [field, one] : *table) {
      const auto text = one.value_exact<std::string_view>();
      if (field.str() != "url" || !text || text->empty()) {
        return at(field.source(), "experiments: " + shown(field.str()) +
                                      (field.str() == "url" ? ": takes a text, the URL of their folder"
                                                            : ": there is only url"));
      }
      if (auto set = into.set_experiments(*text); !set) {
        return at(field.source(), "experiments: url: " + set.error().text());
      }
    }
    return {};
  }
  [[nodiscard]] Result<void> read_store(const toml::key& name, const toml::node& value,
                                        Configuration& into) const {
    const std::string store = "the store '" + shown(name.str()) + "'";
    const toml::table* const table = value.as_table();
    if (table == nullptr) {
      return at(name.source(), store + " is no table; write [stores.NAME], and its options below");
    }
    StoreOptions options;
    for (const auto& [field, one] : *table) {
      if (auto read = read_field(field.str(), one, options); !read) {
        return at(field.source(), store + ": " + shown(field.str()) + ": " + read.error().text());
      }
    }
    const auto set = into.set(name.str(), options);
    return set ? Result<void>() : at(name.source(), store + ": " + set.error().text());
  }

  const std::string name_;
};

#endif

}  // namespace

#if LOCUM_WITH_TOML

Result<Configuration> parse_configuration(std::string_view text, std::string_view name) {
  if (text.size() > most_bytes) {
    return too_large(name);
  }
  if (std::ranges::count(text, '.') > most_dots) {
    return wrong(std::string(name) + ": a configuration of stores has at most " + std::to_string(most_dots) +
                 " dots, this one has more; give the job a file of its own stores only");
  }
  const Tables tables(name);
  const toml::parse_result parsed = toml::parse(text);
  if (!parsed) {
    return tables.syntax(parsed.error());
  }
  Configuration configuration;
  const auto read = tables.read(parsed.table(), configuration);
  return read ? Result<Configuration>(std::move(configuration)) : read.error();
}

#else

Result<Configuration> parse_configuration(std::string_view /*text*/, std::string_view name) {
  return Error(Errc::unsupported, std::string(name) +
                                      ": this build of the library reads no TOML; build it with "
                                      "-DLOCUM_WITH_TOML=ON, which needs the package libtomlplusplus-dev");
}

#endif

Result<std::string> configuration_text(const std::string& path) {
  auto text = storage::text_of_small_file(path, most_bytes);
  return text ? std::move(text)
              : Error(text.error().code(), "the configuration of stores: " + text.error().text(),
                      text.error().detail());
}

Result<Configuration> read_configuration(const std::string& path) {
  const auto text = configuration_text(path);
  return text ? parse_configuration(*text, path) : text.error();
}

Result<Store> open(const Configuration& configuration, std::string_view store,
                   const BackendSessionOptions& options) {
  const auto wanted = configuration.options(store);
  if (!wanted) {
    return wanted.error();
  }
  if (wanted->connector.empty()) {
    return Error(Errc::invalid_argument,
                 "the store has no connector, so it is in the memory of a job's nodes, which only a runtime "
                 "has; give it one, \"memory:\" for example")
        .about(store);
  }
  const auto session = open_session(wanted->connector, options);
  return session ? open_store(*session, store, *wanted) : session.error();
}

}  // namespace locum
