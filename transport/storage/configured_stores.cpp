#include "transport/storage/configuration.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "core/base/quantity.hpp"
#include "core/object/address.hpp"
#include "core/url.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

bool is_bare(std::string_view key) {
  return !key.empty() && std::ranges::all_of(key, [](char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
           byte == '_' || byte == '-';
  });
}

// Returns the text as a basic string of TOML. It is not called quoted: unqualified, that name finds
// std::quoted as well.
std::string toml_string(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string all = "\"";
  for (const char byte : text) {
    const auto number = static_cast<unsigned char>(byte);
    if (byte == '"' || byte == '\\') {
      all += '\\';
      all += byte;
    } else if (number < 0x20 || number == 0x7F) {
      all += "\\u00";
      all += digits[number >> 4U];
      all += digits[number & 0xFU];
    } else {
      all += byte;
    }
  }
  return all += '"';
}

}  // namespace

Result<void> Configuration::set(std::string_view store, const StoreOptions& options) {
  if (store.empty() || store.size() > max_name_bytes) {
    return wrong_length("a store's name", store.size());
  }
  if (auto allowed = check(options); !allowed) {
    return allowed.error().about(store);
  }
  if (options.needs != BackendNeeds()) {
    return Error(Errc::invalid_argument,
                 "needs are a program's, and no part of a configuration; give them where the store is opened")
        .about(store);
  }
  if (!options.connector.empty()) {
    if (auto url = parse_url(options.connector); !url) {
      return url.error().about(store);
    }
  }
  Entry entry{.options = options, .connector = std::string(options.connector)};
  entry.options.connector = {};
  stores_.insert_or_assign(std::string(store), std::move(entry));
  return {};
}

Result<void> Configuration::set_experiments(std::string_view url) {
  if (!url.empty()) {
    if (const auto parsed = parse_url(url); !parsed) {
      return parsed.error();
    }
  }
  experiments_ = url;
  return {};
}

bool Configuration::contains(std::string_view store) const {
  return stores_.find(store) != stores_.end();
}

Result<StoreOptions> Configuration::options(std::string_view store) const& {
  const auto found = stores_.find(store);
  if (found == stores_.end()) {
    constexpr std::size_t most_listed = 400;
    std::string all;
    for (const auto& [name, entry] : stores_) {
      if (all.size() + name.size() > most_listed) {
        all += " …";
        break;
      }
      all.append(all.empty() ? "" : ", ").append(name);
    }
    return Error(Errc::not_found, "the configuration has no table for this store; it has " +
                                      (all.empty() ? std::string("none") : all))
        .about(store);
  }
  StoreOptions options = found->second.options;
  options.connector = found->second.connector;
  return options;
}

std::vector<std::string> Configuration::stores() const {
  std::vector<std::string> names;
  names.reserve(stores_.size());
  for (const auto& [name, entry] : stores_) {
    names.push_back(name);
  }
  return names;
}

std::string to_toml(const Configuration& configuration) {
  std::string text;
  if (!configuration.experiments().empty()) {
    text.append("[experiments]\nurl = ").append(toml_string(configuration.experiments())).append("\n");
  }
  for (const std::string& name : configuration.stores()) {
    const StoreOptions options = configuration.options(name).value();
    text.append(text.empty() ? "" : "\n").append("[stores.").append(is_bare(name) ? name : toml_string(name));
    text += "]\n";
    const auto line = [&](std::string_view field, const std::string& value) {
      text.append(field).append(" = ").append(value).append("\n");
    };
    if (!options.connector.empty()) {
      line("connector", toml_string(options.connector));
    }
    if (options.timeout.count() > 0) {
      line("timeout", toml_string(print_quantity(static_cast<std::uint64_t>(options.timeout.count()),
                                                 units_of_milliseconds)));
    }
    if (!options.keep_decoded) {
      line("keep_decoded", "false");
    }
    if (options.decoded_cache_bytes != 0) {
      line("decoded_cache_bytes", toml_string(print_quantity(options.decoded_cache_bytes, units_of_bytes)));
    }
    if (options.decoded_cache_values != 0) {
      line("decoded_cache_values", std::to_string(options.decoded_cache_values));
    }
    if (options.checksum) {
      line("checksum", "true");
    }
    if (options.memory_bytes != 0) {
      line("memory_bytes", toml_string(print_quantity(options.memory_bytes, units_of_bytes)));
    }
    if (options.lifetime.count() > 0) {
      line("lifetime", toml_string(print_quantity(static_cast<std::uint64_t>(options.lifetime.count()),
                                                  units_of_milliseconds)));
    }
  }
  return text;
}

}  // namespace locum
