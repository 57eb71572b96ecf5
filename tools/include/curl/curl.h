/* librdkafka 2.12 includes this header although curl is not used (confluentinc/librdkafka#5135). */
