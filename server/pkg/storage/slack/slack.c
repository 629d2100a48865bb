#include "slack.h"

#ifdef __linux__
#include <sys/prctl.h>

// Before the Go runtime starts its threads. A larger slack that was asked for from outside stays.
__attribute__((constructor)) static void take_slack(void) {
  int now = prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
  if (now >= 0 && now < SLACK_MICROS * 1000) {
    (void)prctl(PR_SET_TIMERSLACK, SLACK_MICROS * 1000, 0, 0, 0);  // a hint: may be refused
  }
}
#endif
