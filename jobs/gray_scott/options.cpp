#include "jobs/gray_scott/options.hpp"

#include <algorithm>
#include <string_view>

#include "jobs/read_number.hpp"

namespace gray_scott {
namespace {

/// Whether it is a whole number in [1, most].
template <class Number>
bool read_number(std::string_view text, Number most, Number& number) {
  return jobs::read_number(text, Number{1}, most, number);
}

bool read_publish(std::string_view text, Publish& publish) {
  for (const Publish known : {Publish::create, Publish::put, Publish::both}) {
    if (text == name_of(known)) {
      publish = known;
      return true;
    }
  }
  return false;
}

/// Fills in the ranks that were not given; empty if all is well.
std::string share_out_ranks(DemoOptions& options, int ranks) {
  if (ranks < 2) {
    return "at least 2 ranks are needed, one simulates and one analyses: start it with mpiexec -n 2 or more";
  }
  int& simulating = options.simulation_ranks;
  int& analysing = options.analysis_ranks;
  if (simulating == 0 && analysing == 0) {
    analysing = std::max(1, ranks / 4);
  }
  if (simulating == 0) {
    simulating = ranks - analysing;
  } else if (analysing == 0) {
    analysing = ranks - simulating;
  }
  if (simulating < 1 || analysing < 1 || simulating + analysing != ranks) {
    return "the job has " + std::to_string(ranks) + " ranks, but " + std::to_string(simulating) +
           " to simulate and " + std::to_string(analysing) +
           " to analyse were asked for: start it with mpiexec -n " +
           std::to_string(std::max(simulating, 1) + std::max(analysing, 1));
  }
  return {};
}

}  // namespace

const char* name_of(Publish publish) {
  switch (publish) {
    case Publish::create:
      return "create";
    case Publish::put:
      return "put";
    case Publish::both:
      return "both";
  }
  return "unknown";
}

const char* name_of(Fetch fetch) {
  switch (fetch) {
    case Fetch::ahead:
      return "ahead";
    case Fetch::when_used:
      return "when used";
    case Fetch::both:
      return "both";
  }
  return "unknown";
}

bool fetches_ahead(Fetch wanted, std::size_t nth) {
  return wanted == Fetch::ahead || (wanted == Fetch::both && nth % 2 == 0);
}

Publish how_to_publish(Publish wanted, std::size_t frame) {
  return wanted != Publish::both ? wanted : frame % 2 == 0 ? Publish::create : Publish::put;
}

std::variant<DemoOptions, HelpWanted, UsageError> parse_options(std::span<char* const> arguments, int ranks) {
  constexpr int most_ranks = 1 << 20;
  constexpr std::size_t largest_grid = 4096;
  constexpr std::uint64_t most_steps = 1'000'000'000;

  DemoOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view name = arguments[i];
    if (name == "--help" || name == "-h") {
      return HelpWanted{};
    }
    if (name == "--overlap" || name == "--no-overlap") {
      options.fetch = name == "--overlap" ? Fetch::ahead : Fetch::when_used;
      continue;
    }
    const bool has_value = i + 1 < arguments.size();
    const std::string_view value = has_value ? arguments[i + 1] : std::string_view{};
    const auto wants = [&](const std::string& what) -> UsageError {
      return {std::string(name) + " wants " + what + (has_value ? ", not '" + std::string(value) + "'" : "")};
    };
    const auto number_up_to = [](auto most) { return "a whole number from 1 to " + std::to_string(most); };

    if (name == "--sim-ranks") {
      if (!read_number(value, most_ranks, options.simulation_ranks)) {
        return wants(number_up_to(most_ranks));
      }
    } else if (name == "--analysis-ranks") {
      if (!read_number(value, most_ranks, options.analysis_ranks)) {
        return wants(number_up_to(most_ranks));
      }
    } else if (name == "--grid") {
      if (!read_number(value, largest_grid, options.grid)) {
        return wants(number_up_to(largest_grid));
      }
    } else if (name == "--steps") {
      if (!read_number(value, most_steps, options.steps)) {
        return wants(number_up_to(most_steps));
      }
    } else if (name == "--every") {
      if (!read_number(value, most_steps, options.every)) {
        return wants(number_up_to(most_steps));
      }
    } else if (name == "--publish") {
      if (!read_publish(value, options.publish)) {
        return wants("create, put or both");
      }
    } else if (name == "--output") {
      if (value.empty()) {
        return wants("a folder");
      }
      options.output = value;
    } else {
      return UsageError{"unknown option '" + std::string(name) + "'"};
    }
    ++i;  // its value
  }
  if (options.every > options.steps) {
    return UsageError{"--every " + std::to_string(options.every) + " is more than --steps " +
                      std::to_string(options.steps) + ": there would be no frame"};
  }
  if (std::string problem = share_out_ranks(options, ranks); !problem.empty()) {
    return UsageError{std::move(problem)};
  }
  return options;
}

std::string usage() {
  const DemoOptions defaults;
  return "usage: mpiexec -n RANKS gray_scott_demo [options]\n"
         "\n"
         "Gray-Scott reaction and diffusion in three dimensions. Some ranks simulate; every few steps they "
         "publish\n"
         "their blocks of U and V in the store and send the handles, 64 bytes each, to ranks that analyse "
         "them in\n"
         "place and draw one picture a frame. The same simulation is run first without all that, for "
         "comparison.\n"
         "\n"
         "  --sim-ranks N       ranks that simulate              (default: those that do not analyse)\n"
         "  --analysis-ranks N  ranks that analyse               (default: a quarter, at least 1)\n"
         "  --grid N            cells along each edge of the cube (default " +
         std::to_string(defaults.grid) +
         ")\n"
         "  --steps N           time steps                       (default " +
         std::to_string(defaults.steps) +
         ")\n"
         "  --every K           steps from frame to frame        (default " +
         std::to_string(defaults.every) +
         ")\n"
         "  --publish HOW       create: the solver writes into the store's memory; put: its blocks are "
         "copied there;\n"
         "                      both: in turns               (default " +
         name_of(defaults.publish) +
         ")\n"
         "  --overlap           fetch each frame from other nodes ahead, while the one before is analysed\n"
         "  --no-overlap        fetch it when it is read (default: the one and the other, in turns)\n"
         "  --output DIR        folder for the pictures          (default " +
         defaults.output.string() +
         ")\n"
         "  --help              this text\n"
         "\n"
         "GRAY_SCOTT_PROGRESS=lines prints a line a frame instead of one that is rewritten.\n";
}

}  // namespace gray_scott
