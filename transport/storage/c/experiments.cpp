// Experiments, for the C interface.
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/c/values.hpp"
#include "transport/storage/experiments/experiment.hpp"
#include "transport/storage/experiments/experiment_place.hpp"
#include "transport/storage/experiments/experiments.hpp"
#include "transport/storage/experiments/record_io.hpp"
#include "transport/storage/files/files.hpp"

using namespace locum;
using namespace locum::c;

namespace {

std::string_view text_or_empty(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// Calls `body` with the files of the handle.
template <class Body>
locum_status with_files(locum_files handle, Body body) noexcept {
  return on(files(), handle, "handle of files",
            [&](const std::shared_ptr<const Files>& open) { return body(*open); });
}

/// Calls `body` with the experiment of the handle.
template <class Body>
locum_status on_experiment(locum_experiment handle, Body body) noexcept {
  return alone_on(experiments(), handle, "experiment",
                  [&](const std::shared_ptr<Experiment>& open) { return body(*open); });
}

/// Returns a value in the caller's memory, as a copy.
Result<Record> copied_record(const locum_array& array) {
  auto value = record_in(array);
  if (!value) {
    return value;
  }
  if (array.type == LOCUM_ENCODED) {
    const auto* const first = static_cast<const std::byte*>(array.data);
    return decode_record(nullptr, {first, static_cast<std::size_t>(array.extents[0])}, {});
  }
  if (const Array shown = value->array()) {
    auto copy = Array::copy_of(shown.raw());
    return copy ? Result<Record>(Record(*std::move(copy))) : copy.error();
  }
  return value;
}

/// Gives a text to the caller, as the only name of a list.
locum_status give_text(Result<std::string>&& text, locum_names& names) {
  return give_names(text ? Result<std::vector<std::string>>(std::vector<std::string>{std::move(*text)})
                         : Result<std::vector<std::string>>(text.error()),
                    names);
}

/// Gives a value as a stored Record, whatever it is.
locum_status give_record(const Result<Record>& value, locum_view& view) {
  auto shown = value ? described_as_record(*value) : Result<DescribedValue>(value.error());
  if (!shown) {
    return failed(shown.error());
  }
  give_memory(std::move(shown->owner), shown->array, shown->size_bytes, view);
  return LOCUM_OK;
}

Record record_of_info(const ExperimentInfo& info) {
  return Record::members({{"id", info.id},
                          {"status", to_string(info.status)},
                          {"reason", info.reason},
                          {"created_ns", info.created_ns},
                          {"persisted_ns", info.persisted_ns},
                          {"host", info.host},
                          {"commit", info.commit},
                          {"parameters", info.parameters}});
}

Result<ExperimentStatus> status_named(std::string_view name) {
  for (const ExperimentStatus known :
       {ExperimentStatus::running, ExperimentStatus::done, ExperimentStatus::failed}) {
    if (name == to_string(known)) {
      return known;
    }
  }
  return Error(Errc::invalid_argument, "the status of an experiment is running, done or failed").about(name);
}

/// Returns a time to wait; 0: the default.
std::chrono::milliseconds wait_of(double seconds) {
  constexpr std::chrono::milliseconds usual(10'000);
  const std::chrono::milliseconds wait = seconds == 0 ? usual : milliseconds_of(seconds);
  if (wait < std::chrono::milliseconds(0)) {
    throw Error(Errc::invalid_argument,
                "a time to wait for the table of experiments is negative or no number");
  }
  return wait;
}

ExperimentOptions experiment_options(const locum_experiment_options* options) {
  require_known(options);
  ExperimentOptions how;
  if (options != nullptr) {
    how.commit = text_or_empty(options->commit);
    how.backend = text_or_empty(options->backend);
    how.outside_bytes = options->outside_bytes == 0 ? how.outside_bytes : options->outside_bytes;
    how.table = options->no_table == 0;
    how.table_wait = wait_of(options->table_wait_s);
  }
  return how;
}

Error wrong_query() {
  return Error(
      Errc::invalid_argument,
      "a query of experiments has the members where, a list of members with parameter, equals, at_least "
      "and at_most; status; and wait_s");
}

Result<ParameterFilter> filter_in(const Record& record) {
  ParameterFilter filter;
  for (const auto& [name, value] : record.members()) {
    if (name == "parameter") {
      filter.parameter = value.text();
    } else if (name == "equals") {
      filter.equals = value;
    } else if (name == "at_least") {
      filter.at_least = value;
    } else if (name == "at_most") {
      filter.at_most = value;
    } else {
      return wrong_query();
    }
  }
  return filter;
}

/// Reads what is asked for.
Result<ExperimentQuery> query_in(const locum_array* array) {
  ExperimentQuery query;
  const auto record = array == nullptr ? Result<Record>(Record()) : stored_record(*array);
  if (!record) {
    return record.error();
  }
  for (const auto& [name, value] : record->members()) {
    if (name == "where" && value.kind() == Record::Kind::list) {
      for (const Record& one : value.list()) {
        auto filter = filter_in(one);
        if (!filter) {
          return filter.error();
        }
        query.where.push_back(std::move(*filter));
      }
    } else if (name == "status" && value.kind() == Record::Kind::text) {
      const auto status = status_named(value.text());
      if (!status) {
        return status.error();
      }
      query.status = *status;
    } else if (name == "wait_s" && value.as<double>()) {
      query.wait = wait_of(*value.as<double>());
    } else {
      return wrong_query();
    }
  }
  return query;
}

locum_status give_experiment(Experiment opened, locum_experiment* handle) {
  name_unreleased_at_exit();
  return give(experiments(), std::make_shared<Experiment>(std::move(opened)), handle);
}

/// Calls `call` with the experiments of the files, and gives the Record that it returns.
template <class Call>
locum_status give_of_experiments(locum_files handle, const char* backend, locum_view* view,
                                 Call call) noexcept {
  if (view != nullptr) {
    empty(*view);
  }
  return with_files(handle, [&](const Files& open) {
    return view == nullptr ? is_null("view")
                           : give_record(call(Experiments(open, {.backend = text_or_empty(backend)})), *view);
  });
}

/// Calls `call` with the RecordIO of that prefix.
template <class Call>
locum_status on_record_io(locum_files handle, const char* backend, const char* prefix, Call call) noexcept {
  return with_files(handle, [&](const Files& open) {
    return prefix == nullptr
               ? is_null("prefix")
               : call(RecordIO(open, {.prefix = prefix, .url = {}, .backend = text_or_empty(backend)}));
  });
}

}  // namespace

locum_status locum_files_of_experiments(locum_session session, const char* url, locum_files* handle) {
  clear(handle);
  const auto opened = [&](const Session* open) {
    if (handle == nullptr) {
      return is_null("files");
    }
    name_unreleased_at_exit();
    return give(files(),
                std::make_shared<const Files>(storage::files_of_experiments(open, text_or_empty(url))),
                handle);
  };
  return session == nullptr
             ? guarded([&] { return opened(nullptr); })
             : on(sessions(), session, "session", [&](const Session& open) { return opened(&open); });
}

locum_status locum_experiment_open(locum_files handle, const char* id,
                                   const locum_experiment_options* options, locum_experiment* experiment) {
  clear(experiment);
  return with_files(handle, [&](const Files& open) {
    if (id == nullptr || experiment == nullptr) {
      return is_null(id == nullptr ? "id" : "experiment");
    }
    return give_experiment(Experiment(open, id, experiment_options(options)), experiment);
  });
}

locum_status locum_experiment_close(locum_experiment* experiment) {
  return release(experiments(), experiment, "experiment");
}

locum_status locum_experiment_set(locum_experiment experiment, const char* field, const locum_array* value) {
  return on_experiment(experiment, [&](Experiment& open) {
    if (field == nullptr || value == nullptr) {
      return is_null(field == nullptr ? "field" : "value");
    }
    auto record = copied_record(*value);
    if (!record) {
      return failed(record.error());
    }
    open[field] = std::move(*record);
    return LOCUM_OK;
  });
}

locum_status locum_experiment_get(locum_experiment experiment, const char* field, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_experiment(experiment, [&](Experiment& open) {
    return field == nullptr || view == nullptr ? is_null(field == nullptr ? "field" : "view")
                                               : give_value(open[field].value(), *view);
  });
}

locum_status locum_experiment_erase(locum_experiment experiment, const char* field, bool* existed) {
  return on_experiment(experiment, [&](Experiment& open) {
    if (field == nullptr) {
      return is_null("field");
    }
    const bool was_there = open.erase(field);
    if (existed != nullptr) {
      *existed = was_there;
    }
    return LOCUM_OK;
  });
}

locum_status locum_experiment_fields(locum_experiment experiment, locum_names* names) {
  clear(names);
  return on_experiment(experiment, [&](Experiment& open) {
    return names == nullptr ? is_null("names") : give_names(open.names(), *names);
  });
}

locum_status locum_experiment_url(locum_experiment experiment, const char* field, locum_names* url) {
  clear(url);
  return on_experiment(experiment, [&](Experiment& open) {
    return url == nullptr ? is_null("url")
                          : give_text(field == nullptr ? open.url() : open[field].url(), *url);
  });
}

locum_status locum_experiment_info(locum_experiment experiment, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_experiment(experiment, [&](Experiment& open) {
    return view == nullptr ? is_null("view") : give_record(record_of_info(open.info()), *view);
  });
}

locum_status locum_experiment_set_status(locum_experiment experiment, const char* status,
                                         const char* reason) {
  return on_experiment(experiment, [&](Experiment& open) {
    if (status == nullptr) {
      return is_null("status");
    }
    const auto named = status_named(status);
    if (!named) {
      return failed(named.error());
    }
    open.set_status(*named, text_or_empty(reason));
    return LOCUM_OK;
  });
}

locum_status locum_experiment_persist(locum_experiment experiment) {
  return on_experiment(experiment, [&](Experiment& open) { return status_of(open.persist()); });
}

locum_status locum_experiment_reload(locum_experiment experiment) {
  return on_experiment(experiment, [&](Experiment& open) { return status_of(open.reload()); });
}

locum_status locum_experiment_copy(locum_experiment experiment, const char* id, locum_experiment* copy) {
  clear(copy);
  return on_experiment(experiment, [&](Experiment& open) {
    if (id == nullptr || copy == nullptr) {
      return is_null(id == nullptr ? "id" : "copy");
    }
    auto made = open.copy(id);
    return made ? give_experiment(std::move(*made), copy) : failed(made.error());
  });
}

locum_status locum_experiment_remove(locum_experiment experiment, bool* existed) {
  return on_experiment(experiment, [&](Experiment& open) {
    const auto removed = open.remove();
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}

locum_status locum_experiments_list(locum_files handle, const char* backend, const locum_array* query,
                                    locum_view* view) {
  return give_of_experiments(handle, backend, view, [&](const Experiments& all) -> Result<Record> {
    const auto asked = query_in(query);
    const auto infos = asked ? all.list(*asked) : Result<std::vector<ExperimentInfo>>(asked.error());
    if (!infos) {
      return infos.error();
    }
    Record::List list;
    for (const ExperimentInfo& info : *infos) {
      list.push_back(record_of_info(info));
    }
    return Record::list(std::move(list));
  });
}

locum_status locum_experiments_compare(locum_files handle, const char* backend, size_t count,
                                       const char* const* ids, locum_view* view) {
  return give_of_experiments(handle, backend, view, [&](const Experiments& all) -> Result<Record> {
    std::vector<std::string> named;
    for (std::size_t at = 0; at < count; ++at) {
      if (ids == nullptr || ids[at] == nullptr) {
        return null_argument(ids == nullptr ? "ids" : "an ID");
      }
      named.emplace_back(ids[at]);
    }
    return all.compare(named);
  });
}

locum_status locum_experiments_garbage(locum_files handle, const char* backend, double older_than_s,
                                       bool removes, locum_view* view) {
  return give_of_experiments(handle, backend, view, [&](const Experiments& all) -> Result<Record> {
    constexpr double most_seconds = 9e9;
    if (!(older_than_s >= 0 && older_than_s < most_seconds)) {
      return Error(Errc::invalid_argument, "the age of garbage is 0 to 9e9 seconds; an hour is 3600");
    }
    const std::chrono::seconds age(static_cast<std::int64_t>(std::ceil(older_than_s)));
    const auto garbage = all.garbage({.remove = removes, .older_than = age});
    if (!garbage) {
      return garbage.error();
    }
    Record::List list;
    for (const ExperimentGarbage& file : *garbage) {
      list.push_back(Record::members({{"path", file.path}, {"size_bytes", file.size_bytes}}));
    }
    return Record::list(std::move(list));
  });
}

locum_status locum_experiments_rebuild(locum_files handle, const char* backend, double wait_s,
                                       locum_names* errors) {
  clear(errors);
  return with_files(handle, [&](const Files& open) {
    const auto rebuilt = Experiments(open, {.backend = text_or_empty(backend)}).rebuild(wait_of(wait_s));
    if (!rebuilt || errors == nullptr) {
      return status_of(rebuilt);
    }
    std::vector<std::string> texts;
    for (const Error& error : *rebuilt) {
      texts.emplace_back(error.what());
    }
    return give_names(std::move(texts), *errors);
  });
}

locum_status locum_experiments_remove(locum_files handle, const char* backend, const char* id,
                                      bool* existed) {
  return with_files(handle, [&](const Files& open) {
    if (id == nullptr) {
      return is_null("id");
    }
    const auto removed = Experiments(open, {.backend = text_or_empty(backend)}).remove(id);
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}

locum_status locum_record_io_write(locum_files handle, const char* backend, const char* prefix,
                                   const locum_array* value, locum_names* url) {
  clear(url);
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    if (value == nullptr || url == nullptr) {
      return is_null(value == nullptr ? "value" : "url");
    }
    const auto record = record_in(*value);
    return give_text(record ? io.write(*record) : Result<std::string>(record.error()), *url);
  });
}

locum_status locum_record_io_write_bytes(locum_files handle, const char* backend, const char* prefix,
                                         const void* bytes, size_t size, locum_names* url) {
  clear(url);
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    if ((bytes == nullptr && size > 0) || url == nullptr) {
      return is_null(url == nullptr ? "url" : "bytes");
    }
    return give_text(io.write_bytes({static_cast<const std::byte*>(bytes), size}), *url);
  });
}

locum_status locum_record_io_read(locum_files handle, const char* backend, const char* prefix,
                                  const char* url, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    return url == nullptr || view == nullptr ? is_null(url == nullptr ? "url" : "view")
                                             : give_value(io.read(url), *view);
  });
}

locum_status locum_record_io_remove(locum_files handle, const char* backend, const char* prefix,
                                    const char* url, bool* existed) {
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    if (url == nullptr) {
      return is_null("url");
    }
    const auto removed = io.remove(url);
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}
