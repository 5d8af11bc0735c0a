#include "transport/storage/zarr/steps/step_layout.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <span>
#include <system_error>
#include <utility>
#include <vector>

#include "core/base/checksum.hpp"
#include "core/base/resolved_path.hpp"
#include "core/detail/representation.hpp"
#include "core/object/current_type_name.hpp"
#include "core/url.hpp"
#include "transport/storage/zarr/zarr_group_state.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view steps_attribute = "locum_steps";
/// Nobody writes more blocks of a step: what a damaged file says is not believed.
constexpr std::uint64_t longest_step_record = std::uint64_t{1} << 30U;

/// Stands before the StepRecord in its file.
struct StepRecordHead {
  std::uint64_t format = zarr_steps_format;
  std::uint64_t number = 0;
  std::uint64_t checksum = 0;
};

Error no_zarr_steps(const std::string& what) {
  return Error(Errc::corrupt, what + "; it was written by another program, or is damaged");
}

}  // namespace

Record zarr_steps_attributes(const ZarrStepsHeader& header) {
  const std::string_view state = header.has_ended ? "ended" : header.failure ? "failed" : "open";
  Record said = Record::members({{"format", zarr_steps_format},
                                 {"steps", header.steps},
                                 {"writers", header.writers},
                                 {"state", state}});
  if (header.failure) {
    said.set("failure", header.failure->text());
    said.set("failure_code", static_cast<std::uint64_t>(header.failure->code()));
  }
  return Record::members({{std::string(steps_attribute), said}});
}

Result<ZarrStepsHeader> zarr_steps_header(const Record& attributes) {
  const Record& said = attributes[steps_attribute];
  if (said.is_null()) {
    return no_zarr_steps("the group has no steps of a stream (attribute locum_steps)");
  }
  const auto format = said["format"].as<std::uint64_t>();
  if (format && *format > zarr_steps_format) {
    return Error(Errc::unsupported,
                 "the steps have the format " + std::to_string(*format) + ", and this version reads up to " +
                     std::to_string(zarr_steps_format) + "; use the version of this library that wrote them");
  }
  const auto steps = said["steps"].as<std::uint64_t>();
  const auto writers = said["writers"].as<std::uint64_t>();
  const std::string_view state = said["state"].text();
  if (!format || !steps || !writers || (state != "open" && state != "ended" && state != "failed")) {
    return no_zarr_steps("the attribute locum_steps is none that a stream has");
  }
  ZarrStepsHeader header{.writers = *writers, .steps = *steps, .has_ended = state == "ended"};
  if (state == "failed") {
    const auto code = static_cast<Errc>(
        std::min<std::uint64_t>(said["failure_code"].as<std::uint64_t>().value_or(255), 255));
    const std::string text(said["failure"].text());
    if (to_string(code) == "unknown" || text.empty()) {
      return no_zarr_steps("the attribute locum_steps says that the stream has failed, and no valid cause");
    }
    header.failure = Error(code, text);
  }
  return header;
}

std::string zarr_steps_path(const std::string& path) {
  const std::size_t end = path.find_last_not_of('/');
  return end == path.npos ? path : path.substr(0, end + 1);
}

Result<ZarrPlace> open_zarr_steps(const std::string& path) {
  const std::string folder = zarr_steps_path(path);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    return std::filesystem::exists(folder, ignored)
               ? no_zarr_steps("'" + folder + "' is a file, and no group of Zarr")
               : Error(Errc::not_found, "there is no folder '" + folder + "'; give the path of the steps");
  }
  Url url;
  url.scheme = "file";
  url.path = folder;
  url.options = {{"create", "0"}};
  auto area = open_folder_area(url);
  return area ? Result<ZarrPlace>(ZarrPlace{std::move(*area), {}}) : area.error();
}

Result<ZarrStepsHeader> read_zarr_steps(const ZarrPlace& place) {
  const auto group = read_zarr_group(place, place.area->name(), false);
  if (!group) {
    return group.error();
  }
  auto header = zarr_steps_header(group->attributes);
  return header ? std::move(header) : header.error().about(place.area->name());
}

std::string zarr_step_record_path(std::uint64_t number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), ".locum/%06llu", static_cast<unsigned long long>(number));
  return text.data();
}

Result<void> write_zarr_step_record(const ZarrPlace& place, std::uint64_t number,
                                    const detail::StepRecord& step) {
  const auto size = detail::stored_bytes(step);
  if (!size) {
    return size.error();
  }
  std::vector<std::byte> bytes(sizeof(StepRecordHead) + static_cast<std::size_t>(*size));
  const std::span<std::byte> record = std::span(bytes).subspan(sizeof(StepRecordHead));
  if (auto written = detail::store_value(step, record); !written) {
    return written;
  }
  const StepRecordHead head{.number = number, .checksum = checksum(record)};
  std::memcpy(bytes.data(), &head, sizeof head);
  const std::string path = zarr_step_record_path(number);
  const auto draft = place.area->create(path);
  auto done = draft ? (*draft)->write(bytes) : Result<void>(draft.error());
  done = done ? (*draft)->publish() : std::move(done);
  return done ? done : Result<void>(done.error().about(path));
}

Result<detail::StepRecord> read_zarr_step_record(const ZarrPlace& place, std::uint64_t number) {
  const std::string path = zarr_step_record_path(number);
  const auto damaged = [&](const std::string& what) {
    return Error(Errc::corrupt, what + "; copy the folder of the steps again").about(path);
  };
  const auto file = place.area->open(path, {});
  if (!file) {
    return file.error().code() == Errc::not_found
               ? damaged("the record of step " + std::to_string(number) + " is missing")
               : file.error().about(path);
  }
  const std::uint64_t size = (*file)->size_bytes();
  if (size < sizeof(StepRecordHead) || size > longest_step_record) {
    return damaged("the record of a step has a size that none has");
  }
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  if (auto read = (*file)->read(0, bytes); !read) {
    return read.error().about(path);
  }
  StepRecordHead head;
  std::memcpy(&head, bytes.data(), sizeof head);
  const std::span<const std::byte> record = std::span(bytes).subspan(sizeof head);
  if (head.format != zarr_steps_format || head.checksum != checksum(record)) {
    return damaged("the record of a step is not the one that was written");
  }
  if (head.number != number) {
    return damaged("this is the record of step " + std::to_string(head.number) +
                   ": it was renamed, or copied over another one");
  }
  const auto step = detail::load_value<detail::StepRecord>(record, {});
  if (!step || !(*step)->is_valid()) {
    return damaged("the record of a step is not the one that was written");
  }
  detail::StepRecord read = **step;
  for (detail::VariableRecord& variable : read.variables) {
    variable.type = current_type_name(variable.type);
  }
  return read;
}

Error about_step_variable(const std::string& name, const Error& error) {
  const std::string place = error.key().empty() ? std::string() : " (" + error.key() + ")";
  return Error(error.code(), "the variable '" + name + "'" + place + ": " + error.text(), error.detail());
}

}  // namespace locum::storage
