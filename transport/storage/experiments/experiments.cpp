#include "transport/storage/experiments/experiments.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/base/wall_clock.hpp"
#include "core/value/error.hpp"
#include "transport/storage/experiments/experiment_data.hpp"
#include "transport/storage/experiments/experiment_place.hpp"

namespace locum {

namespace detail {

/// What copies of Experiments share.
class ExperimentsData {
 public:
  explicit ExperimentsData(storage::ExperimentPlace at) : place(std::move(at)) {}

  const storage::ExperimentPlace place;
};

}  // namespace detail

namespace {

using storage::ExperimentPlace;

Result<std::vector<std::string>> folders_of_experiments(const ExperimentPlace& place) {
  const auto entries = place.area().list({});
  if (!entries) {
    return entries.error();
  }
  std::vector<std::string> folders;
  for (const storage::AreaEntry& entry : *entries) {
    if (entry.is_folder && storage::check_experiment_id(entry.name, "an ID")) {
      folders.push_back(entry.name);
    }
  }
  return folders;
}

std::string path_in(const std::string& folder, std::string_view file) {
  return folder + '/' + std::string(file);
}

/// Returns the files of fields that were made before that time.
Result<std::vector<std::string>> old_field_files(const ExperimentPlace& place, const std::string& folder,
                                                 std::uint64_t before_ns) {
  std::vector<std::string> files;
  const auto entries = place.area().list(folder);
  if (!entries) {
    return entries.error().code() == Errc::not_found  // the folder was removed meanwhile
               ? Result<std::vector<std::string>>(std::move(files))
               : entries.error().about(folder);
  }
  for (const storage::AreaEntry& entry : *entries) {
    const auto made_ns = storage::data_name_ns(entry.name, storage::field_ending);
    if (!entry.is_folder && made_ns && *made_ns <= before_ns) {
      files.push_back(entry.name);
    }
  }
  return files;
}

/// Returns the names of files that an experiment refers to; none if there is no experiment.
Result<std::set<std::string>> used_files(const ExperimentPlace& place, const std::string& folder) {
  std::set<std::string> used;
  const auto read = detail::read_experiment(place, folder);
  if (!read) {
    return read.error().code() == Errc::not_found ? Result<std::set<std::string>>(std::move(used))
                                                  : read.error();
  }
  for (const auto& [name, field] : read->fields) {
    used.insert(field.file);
  }
  return used;
}

}  // namespace

Experiments::Experiments(std::string_view url) : Experiments(storage::files_of_experiments(nullptr, url)) {}

Experiments::Experiments(const Files& files, const PathOptions& options)
    : data_(std::make_shared<detail::ExperimentsData>(ExperimentPlace::of(files, options.backend).value())) {}

Result<std::vector<std::string>> Experiments::ids() const {
  auto folders = folders_of_experiments(data_->place);
  if (!folders) {
    return folders;
  }
  std::vector<std::string> ids;
  for (std::string& folder : *folders) {
    const auto is_there = data_->place.exists(path_in(folder, storage::experiment_file));
    if (!is_there) {
      return is_there.error();
    }
    if (*is_there) {
      ids.push_back(std::move(folder));
    }
  }
  return ids;
}

Result<ExperimentInfo> Experiments::info(std::string_view id) const {
  if (auto checked = storage::check_experiment_id(id, "the ID of an experiment"); !checked) {
    return checked.error();
  }
  auto read = detail::read_experiment(data_->place, std::string(id));
  if (!read) {
    return read.error();
  }
  const auto parameters = read->fields.find(detail::parameters_field);
  return detail::info_of(id, *read, parameters == read->fields.end() ? Record() : parameters->second.value);
}

namespace {

/// What is known of the experiments of a place, and the errors of those that cannot be read.
struct ReadExperiments {
  std::vector<ExperimentInfo> infos;
  std::vector<Error> errors;
};

Result<ReadExperiments> read_experiments(const Experiments& all) {
  const auto ids = all.ids();
  if (!ids) {
    return ids.error();
  }
  ReadExperiments read;
  for (const std::string& id : *ids) {
    auto info = all.info(id);
    if (info) {
      read.infos.push_back(std::move(*info));
    } else if (info.error().code() != Errc::not_found) {  // removed meanwhile
      read.errors.push_back(info.error());
    }
  }
  return read;
}

}  // namespace

Result<std::vector<ExperimentInfo>> Experiments::list(const ExperimentQuery& query) const {
  if (auto checked = storage::check_query(query); !checked) {
    return checked.error();
  }
  const auto table = detail::table_of(data_->place, query.wait);
  auto infos = table ? table->list(query)
                     : Result<std::vector<ExperimentInfo>>(Error(Errc::not_found, "there is no table"));
  if (!infos && infos.error().code() == Errc::not_found) {
    const std::uint64_t since_ns = nanoseconds_since_1970();
    auto read = read_experiments(*this);
    if (!read) {
      return read.error();
    }
    if (table && !read->infos.empty()) {
      (void)table->rebuild(read->infos, since_ns);  // for the next time: the answer is here
    }
    infos = std::move(read->infos);
  }
  if (infos) {
    std::erase_if(*infos, [&](const ExperimentInfo& info) { return !storage::matches(query, info); });
  }
  return infos;
}

Result<std::vector<Error>> Experiments::rebuild(std::chrono::milliseconds wait) const {
  const auto table = detail::table_of(data_->place, wait);
  if (!table) {
    return Error(Errc::unsupported,
                 "there is no table of experiments here: it is for file: URLs, and needs a build with "
                 "-DLOCUM_WITH_SQLITE=ON, for which the package libsqlite3-dev is needed");
  }
  const std::uint64_t since_ns = nanoseconds_since_1970();
  auto read = read_experiments(*this);
  if (!read) {
    return read.error();
  }
  if (const auto is_there = data_->place.exists({}); !is_there || !*is_there) {
    return is_there ? Result<std::vector<Error>>(std::move(read->errors)) : is_there.error();
  }
  auto done = table->rebuild(read->infos, since_ns);
  return done ? Result<std::vector<Error>>(std::move(read->errors)) : done.error();
}

Result<Record> Experiments::compare(std::span<const std::string> ids) const {
  std::map<std::string, Record::List> values;
  for (std::size_t at = 0; at < ids.size(); ++at) {
    const auto known = info(ids[at]);
    if (!known) {
      return known.error();
    }
    for (auto& [name, value] : storage::flat_parameters(known->parameters)) {
      values[name].resize(ids.size());
      values[name][at] = std::move(value);
    }
  }
  RecordMembers different;
  for (auto& [name, list] : values) {
    if (std::ranges::any_of(list, [&first = list.front()](const Record& one) { return !(one == first); })) {
      different.set(name, Record::list(std::move(list)));
    }
  }
  return Record(std::move(different));
}

Result<bool> Experiments::remove(std::string_view id) const {
  auto checked = storage::check_experiment_id(id, "the ID of an experiment");
  return checked ? detail::ExperimentData(data_->place, id, {}).remove() : Result<bool>(checked.error());
}

// The files of a folder are listed before the experiment is read: what it refers to by then is in use, and a
// file never comes into use again.
Result<std::vector<ExperimentGarbage>> Experiments::garbage(const GarbageOptions& options) const {
  const auto folders = folders_of_experiments(data_->place);
  if (!folders) {
    return folders.error();
  }
  const auto age_ns = std::chrono::duration_cast<std::chrono::nanoseconds>(options.older_than).count();
  if (options.older_than.count() < 0 || age_ns < 0) {
    return Error(Errc::invalid_argument, "the age of garbage is 0 to 292 years");
  }
  const std::uint64_t now_ns = nanoseconds_since_1970();
  const std::uint64_t before_ns = now_ns - std::min(now_ns, static_cast<std::uint64_t>(age_ns));
  std::vector<ExperimentGarbage> garbage;
  for (const std::string& folder : *folders) {
    const auto files = old_field_files(data_->place, folder, before_ns);
    if (!files) {
      return files.error();
    }
    const auto used = files->empty() ? Result<std::set<std::string>>(std::set<std::string>())
                                     : used_files(data_->place, folder);
    if (!used) {
      if (used.error().code() == Errc::corrupt || used.error().code() == Errc::unsupported) {
        continue;  // what it refers to is not known
      }
      return used.error();
    }
    for (const std::string& file : *files) {
      if (used->contains(file)) {
        continue;
      }
      const std::string path = path_in(folder, file);
      const auto facts = data_->place.area().facts(path);
      if (!facts) {
        continue;  // removed meanwhile
      }
      if (options.remove) {
        if (auto removed = data_->place.area().remove(path); !removed) {
          return removed.error().about(path);
        }
      }
      garbage.push_back({path, facts->size_bytes});
    }
    if (options.remove && !files->empty()) {
      (void)data_->place.area().remove(folder);  // if it is empty
    }
  }
  return garbage;
}

}  // namespace locum
