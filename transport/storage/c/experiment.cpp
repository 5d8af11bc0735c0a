// One experiment, for the C interface.
#include "transport/storage/experiments/experiment.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/archive.hpp"
#include "core/array.hpp"
#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/c/experiment_calls.hpp"
#include "transport/storage/c/values.hpp"

using namespace locum;
using namespace locum::c;

namespace {

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

/// Returns the first name of a path, and the others; nothing where there is one alone.
std::pair<std::string_view, std::optional<std::string_view>> parted(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == path.npos ? std::pair(path, std::optional<std::string_view>())
                            : std::pair(path.substr(0, slash), std::optional(path.substr(slash + 1)));
}

/// Sets a value in a field. REQUIRES: the path has few names.
void set_below(const ExperimentField& field, std::optional<std::string_view> path, Record value) {
  if (!path) {
    field = std::move(value);
    return;
  }
  const auto [name, rest] = parted(*path);
  set_below(field[name], rest, std::move(value));
}

/// Returns the value in a field, whose file is read where it has one.
Result<Record> value_at(const Experiment& open, std::string_view path) {
  const auto [field, rest] = parted(path);
  const auto names = open.names();
  if (std::ranges::find(names, field) == names.end()) {
    return open[field].as<bool>().error();  // names those that there are
  }
  const auto value = open[field].value();
  return value && rest ? member_at(*value, *rest) : value;
}

locum_status give_experiment(Experiment opened, locum_experiment* handle) {
  name_unreleased_at_exit();
  return give(experiments(), std::make_shared<Experiment>(std::move(opened)), handle);
}

}  // namespace

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

locum_status locum_experiment_set_member(locum_experiment experiment, const char* path,
                                         const locum_array* value) {
  return on_experiment(experiment, [&](Experiment& open) {
    if (path == nullptr || value == nullptr) {
      return is_null(path == nullptr ? "path" : "value");
    }
    auto record = copied_record(*value);
    if (!record) {
      return failed(record.error());
    }
    const std::string_view names(path);
    if (static_cast<std::size_t>(std::ranges::count(names, '/')) >= max_nesting) {
      return failed(Error(Errc::invalid_argument,
                          "members of a field nest at most " + std::to_string(max_nesting) + " levels deep"));
    }
    const auto [field, rest] = parted(names);
    set_below(open[field], rest, *std::move(record));
    return LOCUM_OK;
  });
}

locum_status locum_experiment_get_member(locum_experiment experiment, const char* path, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_experiment(experiment, [&](Experiment& open) {
    return path == nullptr || view == nullptr ? is_null(path == nullptr ? "path" : "view")
                                              : give_value(value_at(open, path), *view);
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
