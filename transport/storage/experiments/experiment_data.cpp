#include "transport/storage/experiments/experiment_data.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <span>
#include <utility>

#include "core/base/wall_clock.hpp"
#include "core/detail/representation.hpp"
#include "core/value/error.hpp"
#include "transport/storage/experiments/plain_record.hpp"
#include "transport/storage/files/state.hpp"
#include "transport/storage/formats/text/format_call.hpp"

namespace locum::detail {

namespace {

/// Stored size from which on parameters are kept outside, and are not in the table any more.
constexpr std::uint64_t most_parameters = std::uint64_t{1} << 20U;

std::string name_of_this_host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

Error changed_by_others(std::string_view id) {
  return Error(Errc::stale,
               "another program has persisted or removed this experiment since it was read here; reload it, "
               "and make the changes again")
      .about(id);
}

Error table_is_stale(const std::string& done, const Error& error) {
  return Error(error.code(),
               "the experiment is " + done + ", but the table is not up to date: " + error.text(),
               error.detail())
      .about(error.key());
}

/// Sets a value in others, whose members are made. \param path names from there on
void set_in(Record& in, std::span<const std::string> path, Record value) {
  if (path.size() == 1) {
    in.set(path[0], std::move(value));
    return;
  }
  Record inner = in[path[0]];
  set_in(inner, path.subspan(1), std::move(value));
  in.set(path[0], std::move(inner));
}

}  // namespace

Result<storage::WrittenExperiment> read_experiment(const storage::ExperimentPlace& place,
                                                   const std::string& id) {
  const std::string path = id + '/' + std::string(storage::experiment_file);
  const auto text = place.text(path, storage::longest_experiment_text);
  if (!text || !*text) {
    return text ? Error(Errc::not_found, "there is no such experiment").about(id) : text.error();
  }
  auto read = storage::read_experiment_text(**text, weak(*place.files().state()->session().state()));
  return read ? std::move(read) : Result<storage::WrittenExperiment>(read.error().about(path));
}

ExperimentInfo info_of(std::string_view id, const storage::WrittenExperiment& about, Record parameters) {
  return {.id = std::string(id),
          .status = about.status,
          .reason = about.reason,
          .created_ns = about.created_ns,
          .persisted_ns = about.persisted_ns,
          .host = about.host,
          .commit = about.commit,
          .parameters = std::move(parameters)};
}

std::shared_ptr<const storage::ExperimentTable> table_of(const storage::ExperimentPlace& place,
                                                         std::chrono::milliseconds wait) {
  const std::string& folder = place.area().name();
  return folder.starts_with('/') ? storage::open_experiment_table(folder, wait) : nullptr;
}

ExperimentData::ExperimentData(storage::ExperimentPlace place, std::string_view id,
                               const ExperimentOptions& options)
    : place_(std::move(place)),
      id_(id),
      outside_bytes_(options.outside_bytes),
      table_wait_(options.table_wait),
      table_(options.table ? table_of(place_, options.table_wait) : nullptr) {
  about_.created_ns = nanoseconds_since_1970();
  about_.host = name_of_this_host();
  about_.commit = options.commit;
}

ExperimentInfo ExperimentData::info() const {
  const auto parameters = fields_.find(parameters_field);
  return info_of(id_, about_, parameters == fields_.end() ? Record() : parameters->second.value);
}

void ExperimentData::set_status(ExperimentStatus status, std::string_view reason) {
  about_.status = status;
  about_.reason = reason;
}

std::vector<std::string> ExperimentData::names() const {
  std::vector<std::string> names;
  for (const auto& [name, field] : fields_) {
    names.push_back(name);
  }
  return names;
}

Error ExperimentData::unreadable(const std::string& name, const Field& field, const Error& error) const {
  if (error.code() == Errc::not_found) {
    const auto unchanged = check_unchanged();
    return unchanged ? Error(Errc::corrupt,
                             "the file of the field '" + name +
                                 "' is missing, and the experiment still refers to it; put it back from a "
                                 "copy, or set or erase the field, and persist")
                           .about(path_of(field.file))
                     : unchanged.error();
  }
  return error.code() == Errc::corrupt
             ? Error(Errc::corrupt,
                     "the file of the field '" + name + "' cannot be read: " + error.text() +
                         "; or set or erase the field, and persist",
                     error.detail())
                   .about(path_of(field.file))
             : error;
}

Result<void> ExperimentData::load(const std::string& name, Field& field) {
  if (field.is_loaded) {
    return {};
  }
  auto loaded = place_.load(path_of(field.file), name);
  if (!loaded) {
    return unreadable(name, field, loaded.error());
  }
  field.value = std::move(*loaded);
  field.is_loaded = true;
  return {};
}

Result<Record> ExperimentData::value(const std::vector<std::string>& path) {
  const auto found = fields_.find(path.front());
  if (found == fields_.end()) {
    return Record();
  }
  if (auto loaded = load(found->first, found->second); !loaded) {
    return loaded.error();
  }
  const Record* value = &found->second.value;
  for (std::size_t at = 1; at < path.size(); ++at) {
    value = &(*value)[path[at]];
  }
  return *value;
}

void ExperimentData::set(const std::vector<std::string>& path, Record value) {
  const auto found = fields_.find(path.front());
  if (path.size() == 1) {
    fields_.insert_or_assign(path.front(), Field{std::move(value), {}, true});
    return;
  }
  if (found == fields_.end()) {
    Record made;
    set_in(made, std::span(path).subspan(1), std::move(value));
    fields_.emplace(path.front(), Field{std::move(made), {}, true});
    return;
  }
  load(found->first, found->second).value();
  set_in(found->second.value, std::span(path).subspan(1), std::move(value));
  found->second.file.clear();
}

bool ExperimentData::is_loaded(std::string_view name) const noexcept {
  const auto found = fields_.find(name);
  return found == fields_.end() || found->second.is_loaded;
}

std::string ExperimentData::file_of(std::string_view name) const {
  const auto found = fields_.find(name);
  return found == fields_.end() ? std::string() : found->second.file;
}

Result<bool> ExperimentData::is_large(const Record& value, std::uint64_t least_bytes) {
  if (!storage::nests_at_most(value, storage::deepest_inside)) {
    return true;
  }
  const auto size = stored_bytes(value);
  return size ? Result<bool>(*size >= least_bytes) : size.error();
}

Result<void> ExperimentData::is_no_prefix() const {
  const auto is_prefix = place_.exists(path_of(storage::prefix_file));
  return !is_prefix ? Result<void>(is_prefix.error())
         : *is_prefix
             ? Error(Errc::key_exists,
                     "this name is a prefix of RecordIO, whose files are not those of an experiment; "
                     "give the experiment another ID")
                   .about(id_)
             : Result<void>();
}

Result<void> ExperimentData::check_unchanged() const {
  if (auto free = is_no_prefix(); !free) {
    return free;
  }
  const auto line = place_.text(path_of(storage::experiment_file), storage::experiment_head_bytes, true);
  return line ? check_unchanged(*line) : Result<void>(line.error());
}

Result<void> ExperimentData::check_unchanged(const std::optional<std::string>& line) const {
  if (!line) {
    return revision_.empty() ? Result<void>() : changed_by_others(id_);
  }
  const auto revision = storage::revision_of_experiment(*line);
  if (!revision) {
    return revision.error().about(path_of(storage::experiment_file));
  }
  return *revision == revision_ ? Result<void>() : changed_by_others(id_);
}

Result<void> ExperimentData::write_fields(storage::WrittenExperiment& written,
                                          std::vector<std::string>& made) {
  for (auto& [name, field] : fields_) {
    storage::WrittenField& to = written.fields[name];
    if (!field.file.empty()) {
      to.file = field.file;
      continue;
    }
    const auto large = is_large(
        field.value, name == parameters_field ? std::max(outside_bytes_, most_parameters) : outside_bytes_);
    if (!large) {
      return large.error().about(name);
    }
    if (!*large) {
      to.value = field.value;
      continue;
    }
    to.file = storage::new_data_name(name, storage::field_ending);
    made.push_back(to.file);
    if (auto saved = place_.save(path_of(to.file), name, field.value); !saved) {
      return saved;
    }
  }
  return {};
}

// Only those of what was replaced: another program may be about to persist, and has written files of its own.
// What cannot be removed, or is left by a program that was killed, is found as garbage.
void ExperimentData::remove_unused_files(const storage::WrittenExperiment& written) {
  std::set<std::string> used;
  for (const auto& [name, field] : written.fields) {
    if (!field.file.empty()) {
      used.insert(field.file);
    }
  }
  for (const std::string& file : files_) {
    if (!used.contains(file)) {
      (void)place_.area().remove(path_of(file));
    }
  }
  files_.assign(used.begin(), used.end());
}

// A file may have its path although writing it has failed: when the disk did not confirm it. Where that
// cannot be found out, too, nothing is removed.
bool ExperimentData::may_be_there(const std::string& revision) const {
  const auto line = place_.text(path_of(storage::experiment_file), storage::experiment_head_bytes, true);
  const auto found =
      line && *line ? storage::revision_of_experiment(**line) : Result<std::string>(std::string());
  return !line || !found || *found == revision;
}

Result<void> ExperimentData::write(storage::WrittenExperiment& written, const std::string& revision,
                                   std::vector<std::string>& made) {
  auto done = check_unchanged();
  done = done ? storage::format_call([&] { return write_fields(written, made); }) : std::move(done);
  if (!done) {
    return done;
  }
  const auto text = storage::text_of_experiment(written, revision);
  if (!text) {
    return text.error().about(id_);
  }
  // Once more: large fields may have taken long.
  done = place_.replace(path_of(storage::experiment_file), *text,
                        [this](const std::optional<std::string>& line) { return check_unchanged(line); });
  if (done && revision_.empty()) {
    // A RecordIO that began at the same time has seen this file, or is seen here.
    done = is_no_prefix();
    if (!done) {
      (void)place_.area().remove(path_of(storage::experiment_file));
    }
  }
  return done;
}

Result<void> ExperimentData::persist() {
  storage::WrittenExperiment written = about_;
  written.persisted_ns = nanoseconds_since_1970();
  const std::string revision = storage::new_experiment_stamp();
  std::vector<std::string> made;
  auto done = write(written, revision, made);
  if (!done) {
    if (!made.empty() && !may_be_there(revision)) {
      for (const std::string& file : made) {
        (void)place_.area().remove(path_of(file));
      }
    }
    return done;
  }
  revision_ = revision;
  about_.persisted_ns = written.persisted_ns;
  const Record parameters = written.fields[std::string(parameters_field)].value;
  for (auto& [name, field] : fields_) {
    field.file = written.fields[name].file;
    if (!field.file.empty()) {
      field.value = Record();
      field.is_loaded = false;
    }
  }
  remove_unused_files(written);
  const auto row = table_ ? table_->update(info_of(id_, about_, parameters)) : Result<void>();
  return row ? Result<void>() : table_is_stale("persisted", row.error());
}

Result<void> ExperimentData::read() {
  auto read = read_experiment(place_, id_);
  if (!read) {
    return read.error();
  }
  fields_.clear();
  for (auto& [name, field] : read->fields) {
    const bool is_inside = field.file.empty();
    fields_.emplace(name, Field{std::move(field.value), std::move(field.file), is_inside});
  }
  read->fields.clear();
  about_ = std::move(*read);
  revision_ = about_.revision;
  files_.clear();
  for (const auto& [name, field] : fields_) {
    if (!field.file.empty()) {
      files_.push_back(field.file);
    }
  }
  return {};
}

Result<std::shared_ptr<ExperimentData>> ExperimentData::copy(std::string_view id) {
  if (auto checked = storage::check_experiment_id(id, "the ID of an experiment"); !checked) {
    return checked.error();
  }
  auto made = std::make_shared<ExperimentData>(place_, id, options_of_copy());
  const auto is_there = place_.exists(made->path_of(storage::experiment_file));
  if (!is_there || *is_there) {
    return is_there ? Error(Errc::key_exists, "there is an experiment of this ID; give another one").about(id)
                    : is_there.error();
  }
  if (auto free = made->is_no_prefix(); !free) {
    return free.error();
  }
  made->about_ = about_;
  std::vector<std::string> copies;
  auto done = copy_files(*made, copies);
  done = done ? made->persist() : std::move(done);
  if (!done) {
    const auto is_made = place_.exists(made->path_of(storage::experiment_file));
    if (!is_made || *is_made) {
      copies.clear();  // the copy may be whole: see may_be_there()
    }
    for (const std::string& path : copies) {
      (void)place_.area().remove(path);
    }
    return done.error().code() == Errc::stale && (is_made && *is_made)
               ? Error(Errc::key_exists, "there is an experiment of this ID; give another one").about(id)
               : done.error();
  }
  return made;
}

Result<void> ExperimentData::copy_files(ExperimentData& made, std::vector<std::string>& copies) const {
  for (const auto& [name, field] : fields_) {
    Field& to = made.fields_.emplace(name, field).first->second;
    if (field.file.empty()) {
      continue;
    }
    to.file = storage::new_data_name(name, storage::field_ending);
    copies.push_back(made.path_of(to.file));
    const auto copied =
        place_.files().copy(path_of(field.file), copies.back(), {.backend = place_.backend()});
    if (!copied) {
      return unreadable(name, field, copied.error());
    }
  }
  return {};
}

// First what makes it an experiment: the rest is garbage then, if this process ends meanwhile.
Result<bool> ExperimentData::remove() {
  if (auto free = is_no_prefix(); !free) {
    return free.error();
  }
  const auto was_there = place_.remove(path_of(storage::experiment_file));
  // A folder that is no experiment is not touched: an ID may be the name of any folder.
  auto folder = was_there && *was_there ? place_.remove(id_) : was_there;
  if (!folder) {
    return folder;
  }
  revision_.clear();
  files_.clear();
  fields_.clear();
  about_.persisted_ns = 0;
  const auto row = table_ && *was_there ? table_->remove(id_) : Result<void>();
  return row ? Result<bool>(*was_there) : table_is_stale("removed", row.error());
}

}  // namespace locum::detail
