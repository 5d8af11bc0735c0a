#include "transport/storage/experiments/experiment_place.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <utility>

#include "core/base/wall_clock.hpp"
#include "core/value/error.hpp"
#include "transport/storage/configuration.hpp"
#include "transport/storage/experiments/experiment_text.hpp"
#include "transport/storage/files/state.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t longest_experiment_id = 128;
constexpr std::size_t longest_data_stem = 48;
/// Folders within a folder that is removed.
constexpr std::size_t deepest_removed = 64;
/// `0123456789abcdef-01234567`: a time, and a random number.
constexpr std::size_t stamp_bytes = 25;
constexpr std::string_view stamp_digits = "0123456789abcdef";

bool is_id_byte(char byte) {
  return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') ||
         std::string_view("_-.,+=@~%").find(byte) != std::string_view::npos;
}

}  // namespace

Result<std::string> usual_experiments_url() {
  if (const char* const url = std::getenv("LOCUM_EXPERIMENTS"); url != nullptr && *url != '\0') {
    return std::string(url);
  }
  if (const char* const path = std::getenv("LOCUM_STORES"); path != nullptr && *path != '\0') {
    const auto configuration = read_configuration(path);
    if (!configuration || !configuration->experiments().empty()) {
      return configuration ? Result<std::string>(configuration->experiments()) : configuration.error();
    }
  }
  return Error(
      Errc::invalid_argument,
      "experiments need a place: give its URL, such as file:///scratch/experiments, in the call, in the "
      "variable LOCUM_EXPERIMENTS, or as url of the table [experiments] in the file that LOCUM_STORES "
      "names");
}

Files files_of_experiments(const Session* session, std::string_view url) {
  const std::string usual = url.empty() ? usual_experiments_url().value() : std::string();
  const std::string_view chosen = url.empty() ? usual : url;
  // Who only looks for experiments, maybe in a folder whose name is wrong, makes none.
  const FilesOptions options{.make_folder = false};
  return session != nullptr ? Files(*session, chosen, options) : Files(chosen, options);
}

Result<void> check_experiment_id(std::string_view id, std::string_view what) {
  if (id.empty() || id.size() > longest_experiment_id || id.front() == '.' ||
      !std::ranges::all_of(id, is_id_byte)) {
    return Error(Errc::invalid_argument,
                 std::string(what) +
                     " is the name of a folder: 1 to 128 letters, digits and _ - . , + = @ ~ %, and it does "
                     "not begin with a '.'")
        .about(id.substr(0, longest_experiment_id));
  }
  if (id.starts_with(table_file)) {
    return Error(Errc::invalid_argument,
                 std::string(what) + " is the name of the file of the table; give another one")
        .about(id);
  }
  return {};
}

std::string new_experiment_stamp() {
  std::random_device device;
  std::array<char, stamp_bytes + 1> text{};
  std::snprintf(text.data(), text.size(), "%016llx-%08x",
                static_cast<unsigned long long>(nanoseconds_since_1970()), device());
  return text.data();
}

std::string new_data_name(std::string_view name, std::string_view ending) {
  std::string made(name.substr(0, longest_data_stem));
  std::ranges::replace_if(
      made, [](char byte) { return !is_id_byte(byte) || byte == '.'; }, '_');
  return (made.empty() ? "_" : made) + '.' + new_experiment_stamp() + std::string(ending);
}

std::optional<std::uint64_t> data_name_ns(std::string_view name, std::string_view ending) {
  if (!name.ends_with(ending) || name.size() < ending.size() + stamp_bytes + 1 || name.front() == '.' ||
      !std::ranges::all_of(name, is_id_byte)) {
    return std::nullopt;
  }
  name.remove_suffix(ending.size());
  const std::string_view stamp = name.substr(name.size() - stamp_bytes);
  if (name[name.size() - stamp_bytes - 1] != '.' || stamp[16] != '-') {
    return std::nullopt;
  }
  std::uint64_t ns = 0;
  for (std::size_t at = 0; at < stamp.size(); ++at) {
    const std::size_t digit = stamp_digits.find(stamp[at]);
    if (at != 16 && digit == std::string_view::npos) {
      return std::nullopt;
    }
    ns = at < 16 ? ns << 4U | digit : ns;
  }
  return ns;
}

Result<ExperimentPlace> ExperimentPlace::of(const Files& files, std::string_view backend) {
  auto area = files.state()->area(backend);
  return area ? Result<ExperimentPlace>(ExperimentPlace(files, std::move(*area), backend)) : area.error();
}

Result<bool> ExperimentPlace::exists(const std::string& path) const {
  const auto facts = area_->facts(path);
  return facts                                     ? Result<bool>(true)
         : facts.error().code() == Errc::not_found ? Result<bool>(false)
                                                   : Result<bool>(facts.error().about(path));
}

Result<std::optional<std::string>> ExperimentPlace::text(const std::string& path, std::size_t most,
                                                         bool begins) const {
  const auto file = area_->open(path, {});
  if (!file) {
    return file.error().code() == Errc::not_found ? Result<std::optional<std::string>>(std::nullopt)
                                                  : file.error().about(path);
  }
  if ((*file)->size_bytes() > most && !begins) {
    return Error(Errc::corrupt, "the file has more than " + std::to_string(most) + " bytes").about(path);
  }
  std::string text(static_cast<std::size_t>(std::min<std::uint64_t>((*file)->size_bytes(), most)), '\0');
  if (auto read = (*file)->read(0, std::as_writable_bytes(std::span(text))); !read) {
    return read.error().about(path);
  }
  return std::optional(std::move(text));
}

Result<void> ExperimentPlace::write(const std::string& path, std::string_view text) const {
  const auto draft = area_->create(path);
  auto done = draft ? (*draft)->write(std::as_bytes(std::span(text))) : Result<void>(draft.error());
  done = done ? (*draft)->publish() : std::move(done);
  return done ? std::move(done) : Result<void>(done.error().about(path));
}

// The lock is that of the folder of all experiments: theirs may not be there yet.
Result<void> ExperimentPlace::replace(
    const std::string& path, std::string_view text,
    const std::function<Result<void>(const std::optional<std::string>& head)>& check) const {
  const auto change = [&](AreaFile* there, FileDraft& into) -> Result<void> {
    std::optional<std::string> head;
    if (there != nullptr) {
      head.emplace(std::min<std::uint64_t>(there->size_bytes(), experiment_head_bytes), '\0');
      if (auto read = there->read(0, std::as_writable_bytes(std::span(*head))); !read) {
        return read;
      }
    }
    const auto may = check(head);
    return may ? into.write(std::as_bytes(std::span(text))) : may;
  };
  auto done = area_->update({.folder = {}, .name = path}, change, std::chrono::seconds(30));
  if (!done && done.error().code() == Errc::unsupported) {
    const auto head = this->text(path, experiment_head_bytes, true);
    done = head ? check(*head) : Result<void>(head.error());
    return done ? write(path, text) : done;
  }
  return done || !done.error().key().empty() ? std::move(done) : Result<void>(done.error().about(path));
}

// Under its name, so that a value that is an array without extents is not taken for a number: what Files load
// is kept as an object, and members are kept as they are.
Result<void> ExperimentPlace::save(const std::string& path, std::string_view name,
                                   const Record& value) const {
  const Record named = Record::members({{std::string(name), value}});
  return files_.save(path, named, {.format = "record", .backend = backend_});
}

Result<Record> ExperimentPlace::load(const std::string& path, std::string_view name) const {
  const auto loaded = files_.load(path, {.format = "record", .backend = backend_});
  if (!loaded) {
    return loaded.error();
  }
  if (loaded->members().size() != 1 || (name.data() != nullptr && loaded->members().begin()->first != name)) {
    return Error(Errc::corrupt, name.data() == nullptr
                                    ? "the file is not of one value, as fields and RecordIO write it"
                                    : "the file is not that of '" + std::string(name) + "'")
        .about(path);
  }
  return loaded->members().begin()->second;
}

// First as a file: a link to a folder is removed by that, and not what is in the folder.
Result<bool> ExperimentPlace::remove(const std::string& path, std::size_t depth) const {
  auto removed = area_->remove(path);
  if (removed || removed.error().code() != Errc::invalid_argument) {
    return removed ? std::move(removed) : Result<bool>(removed.error().about(path));
  }
  if (depth == deepest_removed) {
    return Error(Errc::invalid_argument, "folders in it nest deeper than 64 levels; remove it by hand")
        .about(path);
  }
  const auto entries = area_->list(path);
  if (!entries && entries.error().code() != Errc::not_found) {
    return entries.error().about(path);
  }
  if (entries) {
    for (const AreaEntry& entry : *entries) {
      if (auto one = remove(path + '/' + entry.name, depth + 1); !one) {
        return one;
      }
    }
  }
  removed = area_->remove(path);
  return removed ? std::move(removed) : Result<bool>(removed.error().about(path));
}

std::string ExperimentPlace::url_start() const {
  const std::string& name = area_->name();
  return name.starts_with('/') ? "file://" + name + (name.ends_with('/') ? "" : "/") : name + '#';
}

std::string ExperimentPlace::url_of(std::string_view path) const {
  return url_start().append(path);
}

Result<std::string> ExperimentPlace::path_of(std::string_view url) const {
  const std::string start = url_start();
  if (!url.starts_with(start) || url.size() == start.size()) {
    return Error(Errc::invalid_argument, "this URL is of another place; here they begin with " + start)
        .about(url);
  }
  return area_path(url.substr(start.size()), {});
}

}  // namespace locum::storage
