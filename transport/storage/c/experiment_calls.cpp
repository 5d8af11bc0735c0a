#include "transport/storage/c/experiment_calls.hpp"

#include <cstdint>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/values.hpp"

namespace locum::c {

locum_status give_text(Result<std::string>&& text, locum_names& names) {
  return give_names(text ? Result<std::vector<std::string>>(std::vector<std::string>{std::move(*text)})
                         : Result<std::vector<std::string>>(text.error()),
                    names);
}

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

std::chrono::milliseconds wait_of(double seconds) {
  constexpr std::chrono::milliseconds usual(10'000);
  const std::chrono::milliseconds wait = seconds == 0 ? usual : milliseconds_of(seconds);
  if (wait < std::chrono::milliseconds(0)) {
    throw Error(Errc::invalid_argument,
                "a time to wait for the table of experiments is negative or no number");
  }
  return wait;
}

}  // namespace locum::c
