// Steps that this process reads.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/reading.hpp"
#include "core/c/views.hpp"

using namespace locum;
using namespace locum::c;

namespace {

[[nodiscard]] Result<StepReaderOptions> reader_options(const locum_step_reader_options* options) {
  StepReaderOptions how;
  require_known(options);
  if (options == nullptr) {
    return how;
  }
  switch (options->start_at) {
    case LOCUM_OLDEST:
      how.start_at = StartAt::oldest;
      break;
    case LOCUM_NEWEST:
      how.start_at = StartAt::newest;
      break;
    case LOCUM_NEXT:
      how.start_at = StartAt::next;
      break;
    default:
      return Error(Errc::invalid_argument, "start_at is none of LOCUM_OLDEST, LOCUM_NEWEST, LOCUM_NEXT");
  }
  if (options->ahead != 0) {
    how.ahead = static_cast<std::uint32_t>(std::max(options->ahead, 0));
  }
  how.group = options->group == nullptr ? "" : options->group;
  how.file = options->file == nullptr ? "" : options->file;
  how.first_step = options->first_step;
  if (options->every != 0) {
    how.every = options->every;
  }
  return how;
}

// `next` is StepReader::next or latest.
template <class Next>
locum_status step_of(locum_step_reader reader, locum_input_step* step, Next next) noexcept {
  clear(step);
  return alone_on(step_readers(), reader, "step reader", [&](StepReader& opened) {
    if (step == nullptr) {
      return is_null("step");
    }
    auto found = next(opened);
    return found ? give(input_steps(), *std::move(found), step) : failed(found.error());
  });
}

/// What a locum_variables owns.
struct VariableList {
  std::vector<Variable> described;
  std::vector<locum_variable> variables;
};

[[nodiscard]] locum_variable variable_of(const Variable& described) noexcept {
  locum_variable variable = {};
  variable.name = text_of(described.name);
  variable.type = described.element ? type_of(described.element.name()) : LOCUM_ENCODED;
  variable.rank = static_cast<std::int32_t>(described.shape.size());
  for (std::size_t at = 0; at < described.shape.size(); ++at) {
    variable.shape[at] = static_cast<std::int64_t>(described.shape[at]);
  }
  variable.blocks = described.blocks;
  variable.size_bytes = described.size_bytes;
  return variable;
}

}  // namespace

locum_status locum_step_reader_open(locum_ranks ranks, const char* stream,
                                    const locum_step_reader_options* options, locum_step_reader* reader) {
  clear(reader);
  return on(sides(), ranks, "ranks", [&](StepSide& side) {
    if (stream == nullptr || reader == nullptr) {
      return is_null(stream == nullptr ? "stream" : "reader");
    }
    const auto how = reader_options(options);
    return how ? give(step_readers(), StepReader(side, stream, *how), reader) : failed(how.error());
  });
}

locum_status locum_step_next(locum_step_reader reader, double deadline_s, locum_input_step* step) {
  return step_of(reader, step, [&](StepReader& opened) { return opened.next(limit_of(deadline_s)); });
}

locum_status locum_step_latest(locum_step_reader reader, double deadline_s, locum_input_step* step) {
  return step_of(reader, step, [&](StepReader& opened) { return opened.latest(limit_of(deadline_s)); });
}

locum_status locum_step_reader_close(locum_step_reader* reader) {
  return on_last(step_readers(), reader, "step reader", [](StepReader&) { return LOCUM_OK; });
}

locum_status locum_step_number(locum_input_step step, uint64_t* number) {
  clear(number);
  return on(input_steps(), step, "step", [&](InputStep& read) {
    if (number == nullptr) {
      return is_null("number");
    }
    *number = read.number();
    return LOCUM_OK;
  });
}

locum_status locum_step_variables(locum_input_step step, locum_variables* variables) {
  clear(variables);
  return on(input_steps(), step, "step", [&](InputStep& read) {
    if (variables == nullptr) {
      return is_null("variables");
    }
    auto list = std::make_unique<VariableList>();
    list->described = read.variables();
    for (const Variable& described : list->described) {
      list->variables.push_back(variable_of(described));
    }
    variables->count = list->variables.size();
    variables->variables = list->variables.data();
    variables->library = list.release();
    return LOCUM_OK;
  });
}

locum_status locum_variables_release(locum_variables* variables) {
  return guarded([&] {
    if (variables == nullptr) {
      return is_null("variables");
    }
    delete static_cast<VariableList*>(variables->library);
    *variables = {};
    return LOCUM_OK;
  });
}

locum_status locum_step_get(locum_input_step step, const char* name, int32_t writer, double deadline_s,
                            locum_view* view) {
  if (view == nullptr || name == nullptr) {
    return is_null(view == nullptr ? "view" : "name");
  }
  empty(*view);
  return on(input_steps(), step, "step", [&](InputStep& read) {
    return give_view(read.get_raw(name, {.writer = writer, .deadline = limit_of(deadline_s)}), *view);
  });
}

locum_status locum_step_read(locum_input_step step, const char* name, const locum_array* array,
                             const locum_read_options* options) {
  return on(input_steps(), step, "step", [&](InputStep& read) {
    if (name == nullptr || array == nullptr) {
      return is_null(name == nullptr ? "name" : "array");
    }
    const auto memory = memory_of(*array);
    if (!memory) {
      return failed(memory.error());
    }
    const auto how = reading(options);
    return how ? status_of(read.read(name, *memory, how->slab, {.deadline = how->deadline}))
               : failed(how.error());
  });
}

locum_status locum_step_release(locum_input_step* step) {
  return release(input_steps(), step, "step");
}
