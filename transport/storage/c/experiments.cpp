// All experiments of a place, for the C interface.
#include "transport/storage/experiments/experiments.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/experiment_calls.hpp"
#include "transport/storage/c/values.hpp"
#include "transport/storage/experiments/experiment_place.hpp"

using namespace locum;
using namespace locum::c;

namespace {

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
